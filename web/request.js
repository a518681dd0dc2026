/* From a form's values to a request, the same for the widget and for generated code. */

import { idPath } from "./api.js";

/* Where a model answers a task: its own at /models/ID, another one below it. */
export function taskPath(model, task) {
    const own = "/models/" + idPath(model.id);
    return task === model.pipeline_tag ? own : own + "/pipeline/" + task;
}

/* inputs and parameters as one body. Some tasks take their parameters at the root of the body. */
export function taskBody(inputs, parameters, atRoot) {
    if (Object.keys(parameters).length === 0) return { inputs };
    return atRoot ? { inputs, ...parameters } : { inputs, parameters };
}

/* A model card's `widget` entry as {inputs, parameters}. Objects take the keys their schema names;
 * a single text is `text`. Null: the entry is for another task. */
export function exampleValues(entry, schema) {
    const parameters = entry.parameters ?? {};
    const names = Object.keys(schema.properties ?? {});
    if (names.length === 0) {
        const inputs = entry.text ?? entry.inputs;
        return inputs === undefined ? null : { inputs, parameters };
    }
    const source = {
        ...entry,
        table: entry.table ?? entry.structuredData ?? entry.structured_data,
    };
    const inputs = {};
    for (const name of names)
        if (source[name] !== undefined)
            inputs[name] = listed(source[name], schema.properties[name]);
    const missing = (schema.required ?? []).some((name) => inputs[name] === undefined);
    return missing ? null : { inputs, parameters };
}

/* Cards write lists as "a, b, c" too. */
function listed(value, schema) {
    if (schema.type === "array" && typeof value === "string")
        return value.split(",").map((item) => item.trim());
    return value;
}
