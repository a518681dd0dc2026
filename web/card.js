/* The model card. The server sends it rendered and sanitised; it is copied here node by node from
 * an inert template, and only what is listed below survives, so that a hole in one of the two is
 * not a hole in the page. */

import { idPath } from "./api.js";
import { copyButton, el } from "./dom.js";
import { highlight } from "./highlight.js";

const words = (list) => new Set(list.split(" "));

const KEPT = words(
    "a abbr b blockquote br code dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 " +
        "h6 hr i img ins kbd li mark ol p pre q s samp small span strong sub summary sup table " +
        "tbody td tfoot th thead tr u ul var",
);
/* Dropped with all they hold; any other element is replaced by its content. */
const DROPPED = words(
    "applet audio button canvas embed frame frameset iframe input link math meta noscript object " +
        "script select style svg template textarea title video",
);
const NUMERIC = { td: ["colspan", "rowspan"], th: ["colspan", "rowspan"], ol: ["start"] };

/* Where a link of the card leads: an absolute address or one inside the repository; null to drop
 * it. */
function target(href, id) {
    let url;
    try {
        url = new URL(href, location.origin + "/" + idPath(id) + "/resolve/main/");
    } catch {
        return null;
    }
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url : null;
}

function slug(text) {
    return text
        .trim()
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(/\s+/g, "-");
}

function link(source, id) {
    const href = source.getAttribute("href") ?? "";
    if (href.startsWith("#"))
        return el("a", { href: "#" + slug(decodeURIComponent(href.slice(1))) });
    const url = target(href, id);
    if (!url) return el("span");
    const foreign = url.origin !== location.origin;
    return el("a", {
        href: url.href,
        rel: foreign ? "noopener noreferrer nofollow" : null,
        target: foreign ? "_blank" : null,
    });
}

/* Pictures of this server are shown; of others only their names, so that opening a card tells
 * nobody. */
function image(source, id) {
    const url = target(source.getAttribute("src") ?? "", id);
    const name = source.getAttribute("alt") ?? "";
    return url?.origin === location.origin
        ? el("img", { src: url.href, alt: name, loading: "lazy" })
        : el("span", {}, name);
}

function codeBlock(pre) {
    const code = pre.querySelector("code") ?? pre;
    const language =
        /language-([\w+-]+)/.exec(code.className + " " + (pre.getAttribute("lang") ?? ""))?.[1] ??
        pre.getAttribute("lang") ??
        "";
    const text = code.textContent;
    return el(
        "div",
        { class: "code-block" },
        el(
            "div",
            { class: "code-tools" },
            copyButton("Copy code", () => text),
        ),
        el(
            "pre",
            { tabindex: 0, "aria-label": "Code" },
            el("code", {}, highlight(text, language.toLowerCase())),
        ),
    );
}

function shell(source, tag, id) {
    if (tag === "a") return link(source, id);
    const node = el(tag);
    for (const name of NUMERIC[tag] ?? [])
        if (/^\d{1,4}$/.test(source.getAttribute(name) ?? ""))
            node.setAttribute(name, source.getAttribute(name));
    const align = source.getAttribute("align");
    if (["left", "center", "right"].includes(align)) node.classList.add("align-" + align);
    if (/^h[1-6]$/.test(tag)) node.id = "card-" + slug(source.textContent);
    return node;
}

function copyChildren(from, to, id) {
    for (const child of from.childNodes) {
        if (child.nodeType === Node.TEXT_NODE) to.append(child.data);
        else if (child.nodeType === Node.ELEMENT_NODE) copyElement(child, to, id);
    }
}

function copyElement(source, to, id) {
    const tag = source.localName;
    if (DROPPED.has(tag)) return;
    if (tag === "pre") {
        to.append(codeBlock(source));
    } else if (tag === "img") {
        to.append(image(source, id));
    } else if (tag === "table") {
        const table = el("table");
        copyChildren(source, table, id);
        to.append(
            el(
                "div",
                { class: "table-scroll", tabindex: 0, role: "region", "aria-label": "Table" },
                table,
            ),
        );
    } else if (KEPT.has(tag)) {
        const node = shell(source, tag, id);
        copyChildren(source, node, id);
        to.append(node);
    } else {
        copyChildren(source, to, id);
    }
}

/* html: the rendered card of model `id`, trusted with nothing. */
export function cardNodes(html, id) {
    const template = document.createElement("template");
    template.innerHTML = html; // inert: nothing in it loads or runs
    const article = el("article", { class: "card-text" });
    copyChildren(template.content, article, id);
    return article;
}
