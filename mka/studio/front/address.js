// Keeps the address bar at what is shown, and the browser's token in its cookie.
//
// data.query    the parameters of the address; data.run: number of the script run, so that each one is heard
// data.library  where plotly.js lies: fetched at once, while the page's own script still computes what to draw
// data.cookie, data.token: the cookie's name, and its value where the browser has none yet

const A_YEAR = 365 * 24 * 3600;

function fetchEarly(address) {
    if (document.querySelector("link[data-mka-early]")) return;
    const link = document.createElement("link");
    Object.assign(link, { rel: "preload", as: "script", href: address });
    link.dataset.mkaEarly = "";
    document.head.append(link);
}

export default function ({ data }) {
    fetchEarly(data.library);
    if (!document.cookie.split("; ").some((cookie) => cookie.startsWith(`${data.cookie}=`))) {
        document.cookie = `${data.cookie}=${data.token}; path=/; max-age=${A_YEAR}; SameSite=Strict`;
    }
    const search = data.query ? `?${data.query}` : "";
    // In the place of the present entry: the way back leads through pages, not through every click.
    if (window.location.search !== search) {
        window.history.replaceState(window.history.state, "", window.location.pathname + search + window.location.hash);
    }
}
