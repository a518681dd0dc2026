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
