/* JSON of what a form holds. Objects put keys that are whole numbers ("2019") in front of all others,
 * so what has an order, the columns of a table, is a Map: it becomes an object with its keys in that
 * order. */

export const entriesOf = (value) => (value instanceof Map ? [...value] : Object.entries(value));

/* As JSON.stringify(value, null, step). indent: what the lines of a level above begin with. */
export function toJson(value, step = "", indent = "") {
    if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
    const deeper = indent + step;
    const write = (item) => toJson(item, step, deeper);
    const [open, close] = Array.isArray(value) ? "[]" : "{}";
    const items = Array.isArray(value)
        ? value.map(write)
        : entriesOf(value)
              .filter(([, item]) => item !== undefined)
              .map(([key, item]) => JSON.stringify(key) + (step ? ": " : ":") + write(item));
    if (items.length === 0 || step === "") return open + items.join(",") + close;
    return open + "\n" + items.map((item) => deeper + item).join(",\n") + "\n" + indent + close;
}
