/* Values as source text. */

import { entriesOf } from "../json.js";

const WIDTH = 76;

/* JSON's string escapes are valid in Python and JavaScript as they are. */
export const stringLiteral = (text) => JSON.stringify(text);

/* A value in a language that differs from JSON only in its words and keys.
 * style: {words: {true, false, null}, key(name)}; inner: what one more level is indented by. */
function literal(value, style, indent, inner) {
    if (value === null || typeof value === "boolean") return style.words[String(value)];
    if (typeof value !== "object") return JSON.stringify(value);
    const deeper = indent + inner;
    const [open, close] = Array.isArray(value) ? "[]" : "{}";
    const items = Array.isArray(value)
        ? value.map((item) => literal(item, style, deeper, inner))
        : entriesOf(value).map(
              ([name, item]) => style.key(name) + ": " + literal(item, style, deeper, inner),
          );
    const line = open + items.join(", ") + close;
    if (indent.length + line.length <= WIDTH && !line.includes("\n")) return line;
    return open + "\n" + items.map((item) => deeper + item + ",\n").join("") + indent + close;
}

const PYTHON = { words: { true: "True", false: "False", null: "None" }, key: stringLiteral };
const JAVASCRIPT = {
    words: { true: "true", false: "false", null: "null" },
    /* written plainly, or as a string, __proto__ would be no key but the object's prototype */
    key: (name) =>
        name === "__proto__"
            ? '["__proto__"]'
            : /^[A-Za-z_$][\w$]*$/.test(name)
              ? name
              : stringLiteral(name),
};

/* indent: the indentation of the line the value starts in. */
export const pythonLiteral = (value, indent = "") => literal(value, PYTHON, indent, "    ");
export const javascriptLiteral = (value, indent = "") => literal(value, JAVASCRIPT, indent, "  ");

/* One word of a POSIX shell, whatever the text holds. */
export function shellWord(text) {
    return "'" + text.replaceAll("'", "'\\''") + "'";
}
