/* Python with plain requests, for tasks that the hub's client has no method for. */

import { pythonLiteral, stringLiteral } from "./literal.js";

function code({ origin, path, body, withToken }) {
    return [
        "# pip install requests",
        ...(withToken ? ["import os", ""] : []),
        "import requests",
        "",
        "response = requests.post(",
        "    " + stringLiteral(origin + path) + ",",
        ...(withToken
            ? ['    headers={"Authorization": "Bearer " + os.environ["HF_TOKEN"]},']
            : []),
        "    json=" + pythonLiteral(body, "    ") + ",",
        ")",
        "response.raise_for_status()",
        "output = response.json()",
        "print(output)",
        "",
    ].join("\n");
}

export const requests = {
    id: "requests",
    label: "Python",
    language: "python",
    applies: ({ row }) => Boolean(row.clientless),
    code,
};
