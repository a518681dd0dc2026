/* What every field of a form has. */

import { el } from "./dom.js";

let lastId = 0;

/* label + control + hint, tied together for screen readers. box: what stands in place of the
 * control and holds it. */
export function labelled(input, { label, hint }, box = input) {
    input.id = "field-" + ++lastId;
    const hintId = input.id + "-hint";
    if (hint) input.setAttribute("aria-describedby", hintId);
    return el(
        "div",
        { class: "field" },
        el("label", { for: input.id }, label),
        box,
        hint ? el("p", { class: "hint", id: hintId }, hint) : null,
    );
}
