/* text-ranking: the passages as cards, best first. */

import { track } from "../bars.js";
import { el } from "../dom.js";
import { score } from "../format.js";

function card({ index, score: value }, text, scale) {
    return el(
        "li",
        { class: "passage", data: { score: String(value), index: String(index) } },
        el("p", { class: "passage-text" }, text),
        el(
            "div",
            { class: "passage-foot" },
            el("span", { class: "hint" }, "Passage " + (index + 1)),
            el("span", { class: "bar-score", title: String(value) }, score(value)),
        ),
        track(value, scale),
    );
}

export default {
    alternatives: ["text-classification"],
    fields: {
        query: { label: "Query", aliases: ["source_sentence"] },
        texts: {
            label: "Passages",
            singular: "passage",
            many: true,
            aliases: ["documents", "sentences"],
        },
        documents: { hidden: true },
        sentences: { hidden: true },
        return_documents: { hidden: true },
    },
    clientless: true,

    result(ranked, { texts }) {
        const scale = Math.max(1, ...ranked.map((item) => Math.abs(item.score)));
        return el(
            "ol",
            { class: "passages", "aria-label": "Passages, best first" },
            ranked.map((item) => card(item, texts[item.index], scale)),
        );
    },

    summary: ([best], { texts }) =>
        best ? "Best: " + texts[best.index] + ", " + score(best.score) : "Nothing ranked",
};
