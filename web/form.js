/* Form controls from JSON Schema. A control is {node, get, set, focus}: get() returns the value, or
 * undefined when the field is left to its default. */

import { el, icon } from "./dom.js";
import { title } from "./format.js";

let lastId = 0;

/* The alternative of an anyOf that people fill in: text before lists before the rest. */
function preferred(schema) {
    if (!schema.anyOf) return schema;
    const choice = schema.anyOf.find((one) => one.type === "string") ?? schema.anyOf[0];
    return { ...schema, ...choice, anyOf: undefined };
}

function kindOf(schema) {
    if (schema.enum) return "choice";
    if (schema.type === "array") return schema.items?.type === "string" ? "list" : "json";
    return (
        { string: "text", integer: "number", number: "number", boolean: "flag", object: "object" }[
            schema.type
        ] ?? "json"
    );
}

/* label + control + hint, tied together for screen readers. */
function labelled(input, { label, hint }) {
    input.id = "field-" + ++lastId;
    const hintId = input.id + "-hint";
    if (hint) input.setAttribute("aria-describedby", hintId);
    return el(
        "div",
        { class: "field" },
        el("label", { for: input.id }, label),
        input,
        hint ? el("p", { class: "hint", id: hintId }, hint) : null,
    );
}

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

/* An object: one control for each property, in the order of the schema. */
function objectControl(schema, options) {
    const parts = Object.entries(schema.properties ?? {}).map(([name, property]) => [
        name,
        control(property, {
            label: options.labels?.[name]?.label ?? title(name),
            singular: options.labels?.[name]?.singular,
            hint: options.labels?.[name] ? null : property.description, // such a label says enough
            compact: options.compact,
            rows: 2,
        }),
    ]);
    const node = el(
        "div",
        { class: "fields" },
        parts.map(([, part]) => part.node),
    );
    return {
        node,
        get() {
            const values = parts.map(([name, part]) => [name, part.get()]);
            return Object.fromEntries(values.filter(([, value]) => value !== undefined));
        },
        set: (values) => parts.forEach(([name, part]) => part.set(values?.[name])),
        focus: () => parts[0]?.[1].focus(),
        size: parts.length,
    };
}

const CONTROLS = {
    choice: choiceControl,
    flag: choiceControl,
    json: jsonControl,
    list: listControl,
    number: numberControl,
    object: objectControl,
    text: textControl,
};

/* options: label, hint; compact: one line and "not given" when it equals the default (parameters);
 * rows: height of a text; singular: what one item of a list is called; labels: the same per
 * property of an object, {name: {label, singular}}. */
export function control(schema, options) {
    const chosen = preferred(schema);
    return CONTROLS[kindOf(chosen)](chosen, options);
}
