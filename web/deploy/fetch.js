/* JavaScript with plain fetch, for tasks that the hub's client has no method for. */

import { javascriptLiteral, stringLiteral } from "./literal.js";

function code({ origin, path, body, withToken }) {
    return [
        "// save as example.mjs",
        "const response = await fetch(" + stringLiteral(origin + path) + ", {",
        '  method: "POST",',
        "  headers: {",
        '    "Content-Type": "application/json",',
        ...(withToken ? ['    Authorization: "Bearer " + process.env.HF_TOKEN,'] : []),
        "  },",
        "  body: JSON.stringify(" + javascriptLiteral(body, "  ") + "),",
        "});",
        "if (!response.ok) throw new Error(await response.text());",
        "const output = await response.json();",
        "console.log(output);",
        "",
    ].join("\n");
}

export const fetchCode = {
    id: "fetch",
    label: "JavaScript",
    language: "javascript",
    applies: ({ row }) => Boolean(row.clientless),
    code,
};
