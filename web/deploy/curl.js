/* curl: the request itself. */

import { toJson } from "../json.js";
import { shellWord } from "./literal.js";

function code({ origin, path, body, withToken }) {
    const lines = ["curl " + shellWord(origin + path)];
    if (withToken) lines.push('  -H "Authorization: Bearer $HF_TOKEN"');
    lines.push("  -H 'Content-Type: application/json'");
    lines.push("  -d " + shellWord(toJson(body, "  ")));
    return lines.join(" \\\n") + "\n";
}

export const curl = { id: "curl", label: "curl", language: "shell", applies: () => true, code };
