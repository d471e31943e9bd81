// Buttons that save a chart of this page as a picture, drawn by the browser.
//
// data.chart  the key of the chart
// data.name   the file's name without its ending

const SHARP = { svg: 1, png: 2 };

function save(chart, name, format) {
    const place = document.querySelector(`.st-key-${chart} .mka-chart`);
    if (!window.Plotly || !place?.layout) return;
    const page = getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor;
    const picture = { data: place.data, layout: { ...place.layout, paper_bgcolor: page } };
    const size = { width: place.clientWidth, height: place.clientHeight, scale: SHARP[format] };
    window.Plotly.downloadImage(picture, { format, filename: name, ...size });
}

export default function ({ data, parentElement }) {
    for (const button of parentElement.querySelectorAll("button"))
        button.onclick = () => save(data.chart, data.name, button.dataset.format);
}
