/* What a widget starts with: the entries of the model's card that fit the task, else the task's own
 * example. */

import { fits, isTable, preferred } from "./schema.js";
import { columnsOf } from "./table.js";

/* The keys by which entries of any task bring inputs; one that this task does not take makes an
 * entry another task's. */
const INPUT_KEYS = [
    ...["text", "inputs", "text_pair", "context", "question", "query", "src", "messages"],
    ...["table", "structured_data", "structuredData", "candidate_labels", "multi_class"],
    ...["source_sentence", "sentences", "texts", "documents"],
];

/* Cards write lists as "a, b, c" too, and tables as lists of rows. */
function reshaped(value, schema) {
    if (isTable(schema)) return columnsOf(value);
    if (schema.type === "array" && typeof value === "string")
        return value.split(",").map((item) => item.trim());
    return value;
}

/* The entry's value for a property under its own name or another; undefined without, and for one
 * of another type. used: keys that were taken. */
function take(entry, name, property, { aliases = [], many }, used) {
    const key = [name, ...aliases].find((one) => entry[one] !== undefined);
    if (key === undefined) return undefined;
    used.add(key);
    const schema = preferred(property, many);
    const value = reshaped(entry[key], schema);
    return fits(value, schema) ? value : undefined;
}

function takeAll(entry, schema, fields, many, used) {
    const values = Object.entries(schema?.properties ?? {}).map(([name, property]) => [
        name,
        take(entry, name, property, { many, ...fields[name] }, used),
    ]);
    return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

function hasRequired(values, schema) {
    return (schema?.required ?? []).every((name) => values[name] !== undefined);
}

/* A card's `widget` entry as {inputs, parameters}; null: it does not fit the task. */
function exampleValues(entry, spec, fields) {
    const used = new Set();
    const shape = preferred(spec.inputs);
    const inputs = shape.properties
        ? takeAll(entry, shape, fields, false, used)
        : take(entry, "text", shape, { aliases: ["inputs"] }, used);
    const parameters = {
        ...entry.parameters,
        ...takeAll(entry, spec.parameters, fields, true, used),
    };
    const complete =
        hasRequired(parameters, spec.parameters) &&
        (shape.properties ? hasRequired(inputs, shape) : inputs !== undefined);
    const strange = INPUT_KEYS.some((key) => entry[key] !== undefined && !used.has(key));
    return complete && !strange ? { inputs, parameters } : null;
}

/* [{title, inputs, parameters}]: none when nothing fits this model. row: of widgets/list.js. */
export function examplesOf(model, { spec, example }, row) {
    const adapt = (values) => (row.adaptExample ? row.adaptExample(values, model) : values);
    const found = (Array.isArray(model.widgetData) ? model.widgetData : [])
        .map((entry, i) => {
            const values = entry && exampleValues(entry, spec, row.fields ?? {});
            const fitted = values && adapt(values);
            return fitted && { title: entry.example_title ?? "Example " + (i + 1), ...fitted };
        })
        .filter(Boolean);
    if (found.length > 0 || !example) return found;
    const { inputs, parameters, ...atRoot } = example;
    const fitted = adapt({ inputs, parameters: { ...parameters, ...atRoot } });
    return fitted ? [{ title: "Example", ...fitted }] : [];
}
