// Draws a plotly figure in place, over and over, and tells what a person does with it: clicks, drags, keys.
//
// data.figure   the figure as plotly's JSON; layout.meta.block says what a block of layers looks like on it:
//               "square" (rows and columns are layers) or "columns" (only columns are); layout.meta.narrowest, how many
//               pixels it needs to be touched: on a narrower screen it scrolls
// data.height   its height in pixels, kept free while plotly.js is on its way
// data.library  where plotly.js lies on this server
// data.listens  whether clicks are wanted; data.drags: whether drags are
// data.alt      the takeaway, for those who do not see the picture
// data.page     the page's colour for which it was made
// data.heard    number of the last gesture that the page has acted on

// No button that sends a chart anywhere, and none for what the page has buttons of its own.
const CONFIG = {
    displaylogo: false, plotlyServerURL: "",
    modeBarButtonsToRemove: ["sendChartToCloud", "toImage", "select2d", "lasso2d", "autoScale2d"],
};
const STEP = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FEW_PIXELS = 4;
const MOST_STEPS = 4;
const HOVER_LATE = 60; // milliseconds that plotly may take to notice what is under the pointer

function plotly(address) {
    window.mkaPlotly ??= new Promise((done, failed) => {
        const script = document.createElement("script");
        script.src = address;
        script.onload = () => done(window.Plotly);
        script.onerror = () => {
            window.mkaPlotly = undefined; // the next picture tries again
            failed(new Error(`${address} cannot be read`));
        };
        document.head.append(script);
        // plotly rejects an animation that another one interrupts, and names no reason: that is no error.
        window.addEventListener("unhandledrejection", (event) => {
            if (event.reason === undefined && films().length) event.preventDefault();
        });
    });
    return window.mkaPlotly;
}

function films() {
    return [...document.querySelectorAll(".mka-chart")].filter((chart) => chart._transitionData?._frames?.length);
}

class Chart {
    constructor(root) {
        this.root = root;
        this.place = root.querySelector(".mka-chart");
        this.band = document.createElement("div");
        this.band.className = "mka-band";
        this.waiting = [];
        this.drawing = Promise.resolve();
        this.cursor = null;
        this.place.addEventListener("keydown", (event) => this.key(event));
        this.place.addEventListener("blur", () => this.forget());
        this.place.addEventListener("pointerdown", (event) => this.press(event));
        window.addEventListener("pointermove", (this.moved = (event) => this.move(event)));
        window.addEventListener("pointerup", (this.released = (event) => this.release(event)));
    }

    show(data, send) {
        this.data = data;
        this.send = send;
        this.waiting = this.waiting.filter((gesture) => gesture.number > data.heard);
        this.place.setAttribute("aria-busy", "true");
        this.matchTheme();
        if (!this.height) this.place.style.minHeight = `${data.height}px`;
        // One drawing after another: plotly does not like to be called while it draws.
        this.drawing = this.drawing.then(() => this.draw(data)).catch((error) => this.fail(error));
    }

    // Streamlit changes its theme without running the page; the picture's colours come from the page.
    matchTheme() {
        const page = getComputedStyle(this.root).getPropertyValue("--st-background-color").trim().toLowerCase();
        if (!page || page === this.data.page.toLowerCase() || page === this.askedFor) return;
        this.askedFor = page;
        this.send("repaint", page);
    }

    async draw(data) {
        if (this.gone || data !== this.data) return;
        const library = await plotly(data.library);
        if (this.gone) return;
        const { place } = this, figure = JSON.parse(data.figure);
        place.style.minWidth = `${figure.layout.meta?.narrowest ?? 0}px`;
        // The height that a square found for itself holds as long as the width does.
        const square = figure.layout.meta?.block === "square" && this.width === place.clientWidth;
        figure.layout.height = (square && this.height) || figure.layout.height;
        figure.layout.width = place.clientWidth || undefined;
        place.style.minHeight = `${figure.layout.height}px`;
        place.setAttribute("aria-label", data.alt);
        place.setAttribute("role", data.listens ? "application" : "img");
        place.tabIndex = data.listens || figure.frames?.length ? 0 : -1;
        this.stay(figure);
        if (!place._fullLayout) place.textContent = "";
        await library.react(place, { ...figure, config: CONFIG });
        this.band.remove();
        if (this.gone) return library.purge(place);
        await this.fit(library);
        place.dataset.heard = data.heard;
        if (data === this.data) place.setAttribute("aria-busy", "false");
        if (this.resizing) return;
        place.on("plotly_hover", (event) => (this.hovered = event.points[0]));
        place.on("plotly_unhover", () => (this.hovered = null));
        place.on("plotly_animatingframe", () => (this.hovered = null)); // what was below the pointer has moved on
        place.on("plotly_click", (event) => {
            // On blocks the pointer's own place is exact; elsewhere plotly knows the mark, a moment later.
            if (!this.block) setTimeout(() => this.clicked(this.hovered ?? event.points[0]), HOVER_LATE);
        });
        this.resizing = new ResizeObserver(() => {
            if (!place.clientWidth || place.clientWidth === this.width) return;
            this.drawing = this.drawing.then(() => this.gone || this.fit(library));
        });
        this.resizing.observe(place);
    }

    // A picture that cannot be drawn says so in its place; the next change of the page tries again.
    fail(error) {
        console.error(error);
        if (!this.place._fullLayout) this.place.textContent = `This picture cannot be drawn: ${error.message}. Reload the page.`;
        this.place.setAttribute("aria-busy", "false");
    }

    // A film stays at the layer that it shows while something else of it is drawn anew.
    stay(figure) {
        const layer = this.place._fullLayout?.sliders?.[0]?.active, frame = figure.frames?.[layer];
        if (!frame) return;
        frame.traces.forEach((trace, number) => Object.assign(figure.data[trace], frame.data[number]));
        figure.layout.sliders[0].active = layer;
    }

    // As wide as its place, and a square as high as it is wide, so that no blank is left above or beside it. The
    // margins hang on the size and the page may move meanwhile: what is found after a step decides on the next.
    async fit(library) {
        const { place } = this;
        for (let step = 0; step < MOST_STEPS && place.clientWidth && place._fullLayout; step++) {
            const { width, height, _size } = place._fullLayout, wanted = { width: place.clientWidth, height };
            if (this.block === "square")
                wanted.height = Math.round(_size.w + wanted.width - width + _size.t + _size.b);
            if (Math.abs(wanted.width - width) <= 1 && Math.abs(wanted.height - height) <= 1) break;
            await library.relayout(place, wanted);
        }
        this.width = place.clientWidth;
        this.height = place._fullLayout?.height;
        place.style.minHeight = `${this.height}px`;
    }

    leave() {
        charts.delete(this.root);
        this.gone = true;
        this.resizing?.disconnect();
        window.removeEventListener("pointermove", this.moved);
        window.removeEventListener("pointerup", this.released);
        if (window.Plotly) window.Plotly.purge(this.place);
    }

    // A second gesture may come before the page has acted on the first: all that it has not heard are sent again.
    tell(gesture) {
        const number = Math.max(performance.timeOrigin + performance.now(), (this.waiting.at(-1)?.number ?? 0) + 0.001);
        this.waiting.push({ ...gesture, number });
        this.send("gestures", this.waiting);
    }

    clicked(point) {
        if (!this.data.listens) return;
        const mark = { x: point.x, y: point.y, customdata: point.customdata ?? null, curve: point.curveNumber };
        if (this.block === "square") this.outline(...this.span(Math.round(point.x), Math.round(point.y)));
        this.tell({ marks: [mark] });
    }

    get block() {
        return this.place._fullLayout?.meta?.block;
    }

    // Where the pointer is, in the units of the axes; null where no block of layers is drawn.
    at(event) {
        const layout = this.place._fullLayout, box = this.place.getBoundingClientRect();
        if (!layout?.xaxis || !this.block) return null;
        const { xaxis, yaxis } = layout;
        const [px, py] = [event.clientX - box.x - xaxis._offset, event.clientY - box.y - yaxis._offset];
        const inside = px >= 0 && py >= 0 && px < xaxis._length && py < yaxis._length;
        return { x: xaxis.p2l(px), y: yaxis.p2l(py), inside, px: event.clientX, py: event.clientY };
    }

    press(event) {
        this.dragged = null;
        const at = event.button === 0 && this.data?.listens ? this.at(event) : null;
        this.from = at?.inside && event.target.closest(".draglayer, .main-svg") ? at : null;
    }

    move(event) {
        const at = this.from && this.data.drags ? this.at(event) : null;
        if (!at || Math.hypot(at.px - this.from.px, at.py - this.from.py) < FEW_PIXELS) return;
        const reach = this.reach(this.from, at);
        if (!this.dragged && reach[0] === reach[1]) return;
        this.dragged = reach;
        this.outline(...reach);
    }

    release() {
        const { from, dragged } = this;
        this.from = this.dragged = null;
        if (dragged && dragged[0] < dragged[1]) this.tellRange(dragged);
        else if (dragged) this.band.remove();
        else if (from) this.clicked({ ...from, curveNumber: 0 });
    }

    tellRange(ends) {
        this.tell({ marks: ends.map((layer) => ({ x: layer, y: layer, customdata: null, curve: 0 })) });
    }

    // The layers that a drag from one place to another touches.
    reach(one, other) {
        const touched = (this.block === "square" ? [one.x, one.y, other.x, other.y] : [one.x, other.x]).map(Math.round);
        return this.within(Math.min(...touched), Math.max(...touched));
    }

    span(x, y) {
        return this.within(Math.min(x, y), Math.max(x, y));
    }

    within(first, last) {
        const [low, high] = [...this.place._fullLayout.xaxis.range].sort((a, b) => a - b);
        return [Math.max(first, Math.ceil(low)), Math.min(last, Math.floor(high))];
    }

    // A dashed frame at once, before the page has answered.
    outline(first, last) {
        const { xaxis, yaxis } = this.place._fullLayout;
        const [left, right] = [xaxis.l2p(first - 0.5), xaxis.l2p(last + 0.5)];
        const [top, bottom] = this.block === "square" ? [yaxis.l2p(first - 0.5), yaxis.l2p(last + 0.5)] : [0, yaxis._length];
        Object.assign(this.band.style, {
            left: `${xaxis._offset + left}px`, width: `${right - left}px`,
            top: `${yaxis._offset + top}px`, height: `${bottom - top}px`,
        });
        this.place.append(this.band);
    }

    key(event) {
        if (this.place._transitionData?._frames?.length && this.film(event)) return event.preventDefault();
        if (!this.data.listens || !window.Plotly) return;
        if (event.key in STEP) this.step(event);
        else if (event.key === "Enter" && this.cursor) this.choose();
        else if (event.key === "Escape") this.forget();
        else return;
        event.preventDefault();
    }

    film(event) {
        const slider = this.place._fullLayout.sliders?.[0], step = STEP[event.key]?.[0];
        if (!slider || !step) return false;
        const next = slider.active + step;
        if (next < 0 || next >= slider.steps.length) return true;
        window.Plotly.relayout(this.place, { "sliders[0].active": next });
        window.Plotly.animate(this.place, ...slider.steps[next].args);
        return true;
    }

    // The marks that can be chosen by key: a square's cells, else the points of the traces that carry data, in order.
    get marks() {
        return this.place._fullData.flatMap((trace, curve) =>
            trace.hoverinfo === "skip" || !trace.customdata ? [] : Array.from(trace.x, (_, point) => ({ curve, point })));
    }

    step(event) {
        const [across, down] = STEP[event.key];
        if (this.block === "square") return this.stepOnSquare(across, down, event.shiftKey);
        const { marks } = this;
        if (!marks.length) return;
        const now = this.cursor?.index ?? (across + down > 0 ? -1 : marks.length);
        const index = Math.min(marks.length - 1, Math.max(0, now + across + down));
        this.cursor = { index };
        const { curve, point } = marks[index];
        window.Plotly.Fx.hover(this.place, [{ curveNumber: curve, pointNumber: point }]);
    }

    stepOnSquare(across, down, extend) {
        const depth = this.place._fullData[0].z.length, now = this.cursor ?? { x: 0, y: 0 };
        const clip = (value) => Math.min(depth - 1, Math.max(0, value));
        const moved = this.cursor ? { x: clip(now.x + across), y: clip(now.y + down) } : { x: Math.min(1, depth - 1), y: 0 };
        this.cursor = { ...moved, from: extend ? now.from ?? now : null };
        window.Plotly.Fx.hover(this.place, [{ curveNumber: 0, pointNumber: [moved.y, moved.x] }]);
        this.outline(...(this.cursor.from ? this.reach(this.cursor.from, moved) : this.span(moved.x, moved.y)));
    }

    choose() {
        if (this.block !== "square") {
            const { curve, point } = this.marks[this.cursor.index], trace = this.place._fullData[curve];
            return this.clicked({ x: trace.x[point], y: trace.y[point], customdata: trace.customdata[point], curveNumber: curve });
        }
        const { x, y, from } = this.cursor;
        if (!from) return this.clicked({ x, y, curveNumber: 0 });
        this.tellRange(this.reach(from, this.cursor));
    }

    forget() {
        this.cursor = null;
        this.band.remove();
        if (window.Plotly && this.place._fullLayout) window.Plotly.Fx.unhover(this.place);
    }
}

const charts = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
    if (!charts.has(parentElement)) charts.set(parentElement, new Chart(parentElement));
    const chart = charts.get(parentElement);
    chart.show(data, setTriggerValue);
    return () => chart.leave();
}
