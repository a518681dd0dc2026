/* fill-mask: the words for each mask, best first; the chosen ones stand in the text. */

import { bars } from "../bars.js";
import { el, icon } from "../dom.js";
import { score } from "../format.js";

/* How tokenizers spell the mask: examples for any model have one of these. */
const SPELLINGS = ["<mask>", "[MASK]"];

/* The reply as one list of words for each mask. */
const masksOf = (output) => (Array.isArray(output[0]) ? output : [output]);

/* A token as a word of its own; a space or a line break in quotes. */
function wordOf({ token_str: token }) {
    return token.replace(/^##/, "").trim() || JSON.stringify(token);
}

/* Where in `filled` the word stands that took the mask's place: there are as many of its kind
 * before it as before the mask. -1: the model spells the text differently. */
function placeOf(word, filled, before) {
    const wanted = word.toLowerCase();
    let count = before.toLowerCase().split(wanted).length;
    let at = -1;
    while (count-- > 0) {
        const next = filled.toLowerCase().indexOf(wanted, at + 1);
        if (next < 0) return -1;
        at = next;
    }
    return at;
}

/* The one mask filled, as the model reads it. */
function filledByModel(choice, before) {
    const word = wordOf(choice);
    const at = placeOf(word, choice.sequence, before);
    if (at < 0) return [choice.sequence];
    const behind = at + word.length;
    return [
        choice.sequence.slice(0, at),
        el("mark", {}, choice.sequence.slice(at, behind)),
        choice.sequence.slice(behind),
    ];
}

/* Several masks filled: each of the model's sequences has only one of them. A mask that was cut off
 * stays a mask. */
function filledHere(choices, pieces, spelling) {
    const read = choices.slice(0, pieces.length - 1);
    return [
        ...read.flatMap((choice, i) => [pieces[i], el("mark", {}, wordOf(choice))]),
        pieces.slice(read.length).join(spelling),
    ];
}

export default {
    alternatives: ["feature-extraction"],
    fields: { inputs: { label: "Text with a mask" }, targets: { singular: "word" } },
    python: { parameters: ["targets", "top_k"] },

    tools(model, inputs) {
        const mask = model.mask_token;
        if (!mask) return null;
        const button = el(
            "button",
            { type: "button", class: "button small" },
            icon("add"),
            "Insert " + mask,
        );
        button.addEventListener("click", () => inputs.insert(mask));
        return button;
    },

    adaptExample({ inputs, parameters }, model) {
        const mask = model.mask_token;
        if (!mask) return { inputs, parameters };
        const text = SPELLINGS.reduce((all, other) => all.replaceAll(other, mask), inputs);
        return text.includes(mask) ? { inputs: text, parameters } : null;
    },

    result(output, text, model) {
        const masks = masksOf(output);
        const choices = masks.map((words) => words[0]);
        const spelling =
            model.mask_token ?? SPELLINGS.find((other) => text.includes(other)) ?? SPELLINGS[0];
        const pieces = text.split(spelling);
        const filled = el("p", { class: "filled", "aria-live": "polite" });
        function draw() {
            filled.replaceChildren(
                ...(masks.length === 1
                    ? filledByModel(choices[0], pieces[0])
                    : filledHere(choices, pieces, spelling)),
            );
        }
        const lists = masks.map((words, i) => {
            const title = masks.length > 1 ? "Mask " + (i + 1) : "Words";
            const items = words.map((word) => ({ ...word, label: wordOf(word) }));
            const choose = (item) => {
                choices[i] = item;
                draw();
            };
            return el(
                "section",
                { "aria-label": title },
                masks.length > 1 ? el("h3", {}, title) : null,
                bars(items, { title, choose }),
            );
        });
        draw();
        return el("div", { class: "result" }, filled, lists);
    },

    summary(output) {
        const best = masksOf(output).map(([word]) => wordOf(word) + ", " + score(word.score));
        return "Best: " + best.join("; ");
    },
};
