/* Form controls from JSON Schema. A control is {node, get, set, focus}: get() returns the value, or
 * undefined when the field is left to its default. */

import { chipsControl } from "./chips.js";
import { el, icon } from "./dom.js";
import { labelled } from "./field.js";
import { title } from "./format.js";
import { tableControl } from "./grid.js";
import { kindOf, preferred } from "./schema.js";

function textControl(schema, options) {
    const input = options.compact
        ? el("input", { type: "text", spellcheck: "false" })
        : el("textarea", { rows: options.rows ?? 3, class: "grow" });
    input.value = schema.default ?? "";
    return {
        node: labelled(input, options),
        get: () =>
            options.compact && input.value === (schema.default ?? "") ? undefined : input.value,
        set: (value) => {
            input.value = value ?? schema.default ?? "";
        },
        focus: () => input.focus(),
        /* Types a text where the cursor is. */
        insert(text) {
            input.focus();
            input.setRangeText(text, input.selectionStart, input.selectionEnd, "end");
        },
    };
}

function numberControl(schema, options) {
    const input = el("input", {
        type: "number",
        min: schema.minimum,
        max: schema.maximum,
        step: schema.type === "integer" ? 1 : "any",
        placeholder: schema.default ?? "not set",
    });
    return {
        node: labelled(input, options),
        get: () =>
            input.value === "" || input.valueAsNumber === schema.default
                ? undefined
                : input.valueAsNumber,
        set: (value) => {
            input.value = value ?? "";
        },
        focus: () => input.focus(),
    };
}

function choiceControl(schema, options) {
    const names = schema.type === "boolean" ? ["true", "false"] : schema.enum;
    const read = (text) => (schema.type === "boolean" ? text === "true" : text);
    const preset = schema.default === undefined ? "default" : schema.default + " (default)";
    const input = el(
        "select",
        {},
        el("option", { value: "" }, preset),
        names
            .filter((name) => name !== String(schema.default))
            .map((name) => el("option", { value: name }, name)),
    );
    return {
        node: labelled(input, options),
        get: () => (input.value === "" ? undefined : read(input.value)),
        set: (value) => {
            input.value = value === undefined || value === schema.default ? "" : String(value);
        },
        focus: () => input.focus(),
    };
}

/* A switch that is at its default until someone turns it. */
function toggleControl(schema, options) {
    const input = el("input", { type: "checkbox", checked: schema.default === true });
    return {
        node: el("label", { class: "check" }, input, el("span", {}, options.label)),
        get: () => (input.checked === (schema.default === true) ? undefined : input.checked),
        set: (value) => {
            input.checked = value ?? schema.default === true;
        },
        focus: () => input.focus(),
    };
}

/* Anything without a form of its own: the value as JSON text. */
function jsonControl(schema, options) {
    const input = el("textarea", { rows: 4, class: "grow code-input", spellcheck: "false" });
    function get() {
        if (input.value.trim() === "") return undefined;
        try {
            return JSON.parse(input.value);
        } catch (error) {
            throw new Error("'" + options.label + "' is not JSON: " + error.message);
        }
    }
    return {
        node: labelled(input, options),
        get,
        set: (value) => {
            input.value = value === undefined ? "" : JSON.stringify(value, null, 2);
        },
        focus: () => input.focus(),
    };
}

/* One row of a list: a text and its remove button. list: {rename, insertAfter, remove}. */
function listRow(list, value) {
    const input = el("textarea", { rows: 1, class: "grow" });
    input.value = value;
    const remove = el("button", { type: "button", class: "button quiet icon-only" }, icon("close"));
    const row = { node: el("li", { class: "list-row" }, input, remove), input, remove };
    remove.addEventListener("click", () => list.remove(row));
    input.addEventListener("keydown", (event) => {
        const plain = !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.isComposing;
        if (event.key === "Enter" && plain) {
            event.preventDefault();
            list.insertAfter(row);
        } else if (event.key === "Backspace" && input.value === "" && list.rows.length > 1) {
            event.preventDefault();
            list.remove(row);
        }
    });
    return row;
}

/* Texts, one a row. Enter adds a row below, Backspace in an empty one removes it. */
function listControl(schema, options) {
    const most = schema.maxItems ?? Infinity;
    const singular = options.singular ?? "item";
    const rows = [];
    const body = el("ol", { class: "list-rows" });
    const add = el(
        "button",
        { type: "button", class: "button small" },
        icon("add"),
        "Add " + singular,
    );

    function rename() {
        rows.forEach((row, i) => {
            row.input.setAttribute("aria-label", title(singular) + " " + (i + 1));
            row.remove.setAttribute("aria-label", "Remove " + singular + " " + (i + 1));
            row.remove.title = "Remove";
            row.remove.disabled = rows.length === 1;
        });
        add.disabled = rows.length >= most;
    }
    function insert(at, value) {
        const row = listRow(list, value);
        body.insertBefore(row.node, rows[at]?.node ?? null);
        rows.splice(at, 0, row);
        rename();
        return row;
    }
    const list = {
        rows,
        insertAfter: (row) => rows.length < most && insert(rows.indexOf(row) + 1, "").input.focus(),
        remove(row) {
            const at = rows.indexOf(row);
            rows.splice(at, 1);
            row.node.remove();
            rename();
            rows[Math.max(0, at - 1)].input.focus();
        },
    };
    add.addEventListener("click", () => insert(rows.length, "").input.focus());
    const node = el(
        "fieldset",
        { class: "field list-field" },
        el("legend", {}, options.label),
        body,
        add,
        options.hint ? el("p", { class: "hint" }, options.hint) : null,
    );
    const control = {
        node,
        get: () => rows.map((row) => row.input.value).filter((text) => text.trim() !== ""),
        set(values) {
            rows.splice(0).forEach((row) => row.node.remove());
            for (const value of values?.length ? values : [""]) insert(rows.length, value);
        },
        focus: () => rows[0].input.focus(),
    };
    control.set(schema.default);
    return control;
}

function propertyControl(name, property, { fields, compact, prominent }) {
    const { label, singular, many } = fields?.[name] ?? {};
    return control(property, {
        label: label ?? title(name),
        singular,
        many: many ?? compact,
        hint: label ? null : property.description, // such a label says enough
        compact,
        prominent,
        rows: 2,
    });
}

/* What is out of sight until someone opens it. */
export function folded(summary, node) {
    return el("details", { class: "parameters" }, el("summary", {}, summary), node);
}

/* An object: one control for each property, in the order of the schema. */
function objectControl(schema, options) {
    const parts = Object.entries(schema.properties ?? {})
        .filter(([name]) => !options.fields?.[name]?.hidden)
        .map(([name, property]) => [name, propertyControl(name, property, options)]);
    const isRare = ([name]) => Boolean(options.fields?.[name]?.rare);
    const nodes = (some) => some.map(([, part]) => part.node);
    const rare = nodes(parts.filter(isRare));
    const node = el(
        "div",
        { class: "fields" },
        nodes(parts.filter((part) => !isRare(part))),
        rare.length > 0 ? folded("More inputs", el("div", { class: "fields" }, rare)) : null,
    );
    const isGiven = ([name, value]) =>
        value !== undefined && (value.length !== 0 || !isRare([name]));
    return {
        node,
        get() {
            const values = parts.map(([name, part]) => [name, part.get()]);
            return Object.fromEntries(values.filter(isGiven));
        },
        set: (values) => parts.forEach(([name, part]) => part.set(values?.[name])),
        focus: () => parts[0]?.[1].focus(),
        size: parts.length,
    };
}

const CONTROLS = {
    chips: chipsControl,
    choice: choiceControl,
    flag: choiceControl,
    json: jsonControl,
    list: listControl,
    number: numberControl,
    object: objectControl,
    table: tableControl,
    text: textControl,
    toggle: toggleControl,
};

/* options: label, hint; compact: one line and "not given" when it equals the default (parameters);
 * prominent: such a parameter, but beside the inputs; rows: height of a text; many: a list where
 * one text is possible too; singular: what one item of a list is called; fields: per property of
 * an object what widgets/list.js says of it. */
export function control(schema, options) {
    const chosen = preferred(schema, options.many);
    return CONTROLS[kindOf(chosen, options)](chosen, options);
}
