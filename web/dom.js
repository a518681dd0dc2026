/* Making DOM nodes. Text is always set as text: nothing here parses HTML. */

/* A node. props: `class`, `on` ({event: handler}), `data` (dataset) and attributes; null, undefined
 * and false leave an attribute out, true sets it empty. Children: nodes, strings, arrays of these,
 * null to skip. */
export function el(tag, props = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(props)) {
        if (name === "on") {
            for (const [event, handler] of Object.entries(value))
                node.addEventListener(event, handler);
        } else if (name === "data") {
            Object.assign(node.dataset, value);
        } else if (value !== null && value !== undefined && value !== false) {
            node.setAttribute(name, value === true ? "" : value);
        }
    }
    /* One by one: a call has room for some ten thousand arguments only. */
    for (const child of children.flat())
        if (child !== null && child !== undefined) node.append(child);
    return node;
}

const SVG = "http://www.w3.org/2000/svg";

/* Stroked 24 x 24 shapes. */
const ICONS = {
    add: "M12 5v14M5 12h14",
    check: "M5 12.5 10 17.5 19.5 7",
    close: "M6 6l12 12M18 6 6 18",
    copy: "M9 9h10v11H9zM5 15V4h10",
    down: "M6 9.5l6 6 6-6",
    download: "M12 4v11m-5-5 5 5 5-5M5 20h14",
    file: "M6 3h8l4 4v14H6zM14 3v4h4",
    rocket: "M5 15c-1.5 1-2 4-2 6 2 0 5-.5 6-2m-4-4 4 4m-4-4C7 8 12 3 21 3c0 9-5 14-12 16M15 9h.01",
    sort: "M7 5v14m-3-3 3 3 3-3M13 7h7M13 12h5M13 17h3",
    warning: "M12 4 2.5 20h19zM12 10v4.5M12 17.2v.1",
};

/* An icon without meaning of its own: the text or label beside it says what it is. */
export function icon(name) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", ICONS[name]);
    svg.append(path);
    return svg;
}

async function copyText(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    /* Plain http on another host than loopback has no clipboard API. */
    const area = el("textarea", { class: "visually-hidden" });
    area.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("the browser refused to copy");
}

/* A button which copies what text() returns when pressed. */
export function copyButton(label, text) {
    const caption = el("span", { class: "copy-caption", "aria-live": "polite" });
    const button = el(
        "button",
        { type: "button", class: "button quiet small", "aria-label": label, title: label },
        icon("copy"),
        caption,
    );
    let timer = 0;
    button.addEventListener("click", async () => {
        let outcome = "Copied";
        try {
            await copyText(text());
        } catch (error) {
            outcome = "Cannot copy: " + error.message;
        }
        caption.textContent = outcome;
        button.firstChild.replaceWith(icon(outcome === "Copied" ? "check" : "warning"));
        clearTimeout(timer);
        timer = setTimeout(() => {
            caption.textContent = "";
            button.firstChild.replaceWith(icon("copy"));
        }, 1600);
    });
    return button;
}

/* Says something to screen readers, through the page's one polite live region (#announcer). */
export function announce(text) {
    document.getElementById("announcer").textContent = text;
}
