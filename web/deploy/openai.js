/* Python with OpenAI's SDK, for tasks which have a route there (`openai` in the task's row). */

import { pythonLiteral, stringLiteral } from "./literal.js";

function code({ origin, model, inputs, parameters, withToken, row }) {
    const { method, inputs: inputName, parameters: known } = row.openai;
    const given = [
        ["model", model.id],
        [inputName, inputs],
        ...Object.entries(parameters).filter(([name]) => known.includes(name)),
    ];
    return [
        "# pip install openai",
        ...(withToken ? ["import os", ""] : []),
        "from openai import OpenAI",
        "",
        "client = OpenAI(",
        "    base_url=" + stringLiteral(origin + "/v1") + ",",
        "    api_key=" +
            (withToken
                ? 'os.environ["HF_TOKEN"],'
                : '"none",  # the SDK wants one, this server does not'),
        ")",
        "output = client." + method + "(",
        ...given.map(([name, value]) => "    " + name + "=" + pythonLiteral(value, "    ") + ","),
        ")",
        "print(output)",
        "",
    ].join("\n");
}

export const openai = {
    id: "openai",
    label: "OpenAI SDK",
    language: "python",
    applies: ({ row }) => Boolean(row.openai),
    code,
};
