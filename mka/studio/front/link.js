// A button that copies the address of what is shown: data.query are its parameters.

const SECONDS_SHOWN = 2;

export default function ({ data, parentElement }) {
    const button = parentElement.querySelector("button");
    const words = button.querySelector("span");
    button.onclick = async () => {
        const search = data.query ? `?${data.query}` : "";
        const link = window.location.origin + window.location.pathname + search;
        try {
            await navigator.clipboard.writeText(link);
            words.textContent = "Link copied";
        } catch {
            window.prompt("Copy this link", link);
            return;
        }
        setTimeout(() => (words.textContent = "Copy link"), 1000 * SECONDS_SHOWN);
    };
}
