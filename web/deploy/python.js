/* Python: huggingface_hub.InferenceClient, whose methods are named after the tasks and take the
 * inputs in the order of the task's fields. */

import { pythonLiteral, stringLiteral } from "./literal.js";

function arguments_({ inputs, parameters, row }) {
    const plain = typeof inputs !== "object" || Array.isArray(inputs);
    const positional = (plain ? [inputs] : Object.values(inputs)).map((value) =>
        pythonLiteral(value, "    "),
    );
    if (row.pythonParameters === false) return positional;
    return [
        ...positional,
        ...Object.entries(parameters).map(
            ([name, value]) => name + "=" + pythonLiteral(value, "    "),
        ),
    ];
}

function code(call) {
    const { origin, path, task, parameters, withToken, row } = call;
    const packages = ["huggingface_hub", ...(row.pythonPackages ?? [])].join(" ");
    const dropped = row.pythonParameters === false ? Object.keys(parameters) : [];
    return [
        "# pip install " + packages,
        ...(withToken ? ["import os", ""] : []),
        "from huggingface_hub import InferenceClient",
        "",
        "client = InferenceClient(",
        "    model=" + stringLiteral(origin + path) + ",",
        ...(withToken ? ['    token=os.environ["HF_TOKEN"],'] : []),
        ")",
        ...(dropped.length
            ? ["# this method takes no parameters; left out: " + dropped.join(", ")]
            : []),
        "output = client." + task.replaceAll("-", "_") + "(",
        ...arguments_(call).map((text) => "    " + text + ","),
        ")",
        "print(output)",
        "",
    ].join("\n");
}

export const python = {
    id: "python",
    label: "Python",
    language: "python",
    applies: () => true,
    code,
};
