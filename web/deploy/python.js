/* Python: huggingface_hub.InferenceClient, whose methods are named after the tasks and take their
 * inputs by place, their parameters by name. */

import { pythonLiteral, stringLiteral } from "./literal.js";

/* The inputs in the order of the method's arguments. */
function inputsOf({ inputs, row }) {
    if (typeof inputs !== "object" || Array.isArray(inputs)) return [inputs];
    return row.python?.arguments
        ? row.python.arguments.map((name) => inputs[name])
        : Object.values(inputs);
}

function code(call) {
    const { origin, path, task, parameters, withToken, row } = call;
    const packages = ["huggingface_hub", ...(row.python?.packages ?? [])].join(" ");
    const known = row.python?.parameters ?? Object.keys(parameters);
    const taken = Object.entries(parameters).filter(([name]) => known.includes(name));
    const dropped = Object.keys(parameters).filter((name) => !known.includes(name));
    const given = [
        ...inputsOf(call).map((value) => pythonLiteral(value, "    ")),
        ...taken.map(([name, value]) => name + "=" + pythonLiteral(value, "    ")),
    ];
    return [
        "# pip install " + packages,
        ...(withToken ? ["import os", ""] : []),
        "from huggingface_hub import InferenceClient",
        "",
        "client = InferenceClient(",
        "    model=" + stringLiteral(origin + path) + ",",
        ...(withToken ? ['    token=os.environ["HF_TOKEN"],'] : []),
        ")",
        ...(dropped.length > 0
            ? ["# this method does not take, so left out: " + dropped.join(", ")]
            : []),
        "output = client." + task.replaceAll("-", "_") + "(",
        ...given.map((text) => "    " + text + ","),
        ")",
        "print(output)",
        "",
    ].join("\n");
}

export const python = {
    id: "python",
    label: "Python",
    language: "python",
    applies: ({ row }) => !row.clientless,
    code,
};
