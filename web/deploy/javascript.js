/* JavaScript: @huggingface/inference, whose methods are named after the tasks. */

import { javascriptLiteral } from "./literal.js";

const camelCase = (task) => task.replaceAll(/-(\w)/g, (_, letter) => letter.toUpperCase());

function code({ origin, path, task, body, withToken }) {
    return [
        "// npm install @huggingface/inference   (save as example.mjs)",
        'import { InferenceClient } from "@huggingface/inference";',
        "",
        "const client = new InferenceClient(" + (withToken ? "process.env.HF_TOKEN" : "") + ");",
        "const output = await client." +
            camelCase(task) +
            "(" +
            javascriptLiteral({ endpointUrl: origin + path, ...body }) +
            ");",
        "console.log(output);",
        "",
    ].join("\n");
}

export const javascript = {
    id: "javascript",
    label: "JavaScript",
    language: "javascript",
    applies: ({ row }) => !row.clientless,
    code,
};
