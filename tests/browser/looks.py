"""What a browser is asked about how a page looks: letters too faint to read, things wider than their place."""

from __future__ import annotations

FAINT = """() => {
    const channels = (text) => {
        const numbers = (text.match(/-?[\\d.]+(e-?\\d+)?/g) || [0, 0, 0, 0]).map(Number);
        // Of mixed colours a browser says shares: color(srgb 0.1 0.2 0.3 / 0.5).
        return text.startsWith("color(") ? numbers.map((value, i) => (i < 3 ? 255 * value : value)) : numbers;
    };
    const light = (rgb) => {
        const [r, g, b] = rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const over = (top, alpha, ground) => ground.map((value, i) => value * (1 - alpha) + top[i] * alpha);
    const ground = (element) => {
        const layers = [];
        for (let e = element; e; e = e.parentElement) layers.push(channels(getComputedStyle(e).backgroundColor));
        return layers.reverse().reduce((below, [r, g, b, a = 1]) => over([r, g, b], a, below), [255, 255, 255]);
    };
    // Of a picture, the letters that lie on the page; those on its colours are tested with the figures.
    const ON_PAGE = ".xtick, .ytick, .g-xtitle, .g-ytitle, .g-gtitle, .legendtext";
    const found = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement, text = texts.currentNode.textContent.trim();
        const box = element.getBoundingClientRect(), drawn = element.closest("svg");
        if (!text || !box.width || !box.height || element.closest("[disabled], style, script")) continue;
        if (element.closest("label")?.querySelector(":disabled")) continue;
        if (drawn && !element.closest(ON_PAGE)) continue;
        // Icons are a font's letters. A slider's number stands in the picture's title too: the theme's one accent
        // colour cannot be read both under white letters and on a dark page.
        if (element.closest('[data-testid="stIconMaterial"], [data-testid="stSlider"]')) continue;
        const style = getComputedStyle(element);
        const below = ground(element), [r, g, b, a = 1] = channels(drawn ? style.fill : style.color);
        let alpha = a * (drawn ? parseFloat(style.fillOpacity) : 1);
        for (let e = element; e; e = e.parentElement) alpha *= parseFloat(getComputedStyle(e).opacity);
        const [low, high] = [light(over([r, g, b], alpha, below)), light(below)].sort((x, y) => x - y);
        if ((high + 0.05) / (low + 0.05) < 4.5) found.push([text, ((high + 0.05) / (low + 0.05)).toFixed(2)]);
    }
    return found;
}"""
"""Texts with less contrast than 4.5 against what is behind them, each with its contrast."""

WIDER = """() => [...document.querySelectorAll('[data-testid=stMain], html')]
    .filter((e) => e.scrollWidth > e.clientWidth + 1).length"""
"""How many of the page's own frames would have to be scrolled sideways."""

CUT = """() => {
    const found = [];
    const texts = document.createTreeWalker(document.querySelector("[data-testid=stMain]"), NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const node = texts.currentNode, element = node.parentElement, range = document.createRange();
        range.selectNodeContents(node);
        const box = range.getBoundingClientRect(), name = node.textContent.trim();
        if (!name || !box.width || element.closest("style, script, [data-testid=stTooltipContent]")) continue;
        if (element.closest(".mka-chart")) {
            const picture = element.closest("svg").getBoundingClientRect();
            const gone = Math.max(
                picture.left - box.left, box.right - picture.right, picture.top - box.top, box.bottom - picture.bottom);
            if (gone > 2) found.push([name, `${Math.round(gone)} px outside its picture`]);
            continue;
        }
        for (let e = element; e; e = e.parentElement) {
            const { overflowX } = getComputedStyle(e), place = e.getBoundingClientRect();
            if (overflowX === "auto" || overflowX === "scroll") break;
            if (!/hidden|clip/.test(overflowX) && e !== document.body) continue;
            const gone = Math.max(place.left - box.left, box.right - place.right);
            if (gone > 2 && place.width > 2) { found.push([name, `${Math.round(gone)} px hidden`]); break; }
        }
    }
    return found;
}"""
"""Texts of the page that end outside the place that shows them, where nothing can be scrolled to see the rest."""
