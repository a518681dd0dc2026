/* Texts as chips: Enter or a comma makes one of what was typed, Backspace takes the last away. */

import { announce, el, icon } from "./dom.js";
import { labelled } from "./field.js";

const parts = (text) =>
    text
        .split(/[,\n]/)
        .map((part) => part.trim())
        .filter(Boolean);

function chip(text, remove) {
    const button = el(
        "button",
        { type: "button", class: "chip-remove", "aria-label": "Remove " + text, title: "Remove" },
        icon("close"),
    );
    button.addEventListener("click", remove);
    return el("li", { class: "chip" }, el("span", {}, text), button);
}

/* A control (see form.js) whose value is a list of texts, each once; undefined when there is
 * none. */
export function chipsControl(schema, options) {
    let values = [];
    const input = el("input", {
        type: "text",
        autocomplete: "off",
        enterkeyhint: "done",
        placeholder: "Add " + (options.singular ?? "item") + "…",
    });
    const list = el("ul", { class: "chip-list", "aria-label": options.label });
    const box = el("div", { class: "chips-input" }, list, input);

    function draw() {
        list.hidden = values.length === 0;
        list.replaceChildren(...values.map((text, i) => chip(text, () => remove(i, true))));
    }
    function add(texts) {
        values = [...new Set([...values, ...texts])];
        draw();
    }
    function remove(i, focusNext) {
        announce("Removed " + values[i]);
        values = values.filter((_, at) => at !== i);
        draw();
        if (focusNext) (list.children[i]?.querySelector("button") ?? input).focus();
    }
    function commit() {
        add(parts(input.value));
        input.value = "";
    }
    input.addEventListener("keydown", (event) => {
        if (event.isComposing || event.ctrlKey || event.metaKey) return;
        if ((event.key === "Enter" || event.key === ",") && input.value.trim() !== "") {
            event.preventDefault();
            commit();
        } else if (event.key === "Backspace" && input.value === "" && values.length > 0) {
            remove(values.length - 1, false);
        }
    });
    input.addEventListener("input", () => {
        if (input.value.trim().length > 1 && input.value.includes(",")) commit(); // a phone's comma
    });
    input.addEventListener("paste", (event) => {
        const pasted = parts(event.clipboardData.getData("text"));
        if (pasted.length < 2) return;
        event.preventDefault();
        add(pasted);
    });
    input.addEventListener("change", commit);
    box.addEventListener("click", (event) => event.target === box && input.focus());
    draw();
    return {
        node: labelled(input, options, box),
        get() {
            commit();
            return values.length > 0 ? values : undefined;
        },
        set(given) {
            values = [];
            input.value = "";
            add(given ?? schema.default ?? []);
        },
        focus: () => input.focus(),
    };
}
