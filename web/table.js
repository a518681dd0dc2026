/* Tables of texts: a Map, or an object, that has for each column its cells, {"Name": ["Ada", "Alan"]}.
 * What people edit is a Map, see json.js. */

import { entriesOf } from "./json.js";

const text = (cell) => String(cell ?? "");

/* The same table from a list of rows, [{"Name": "Ada"}, {"Name": "Alan"}]; anything else as it is. */
export function columnsOf(value) {
    const isRow = (row) => typeof row === "object" && row !== null && !Array.isArray(row);
    if (!Array.isArray(value) || !value.every(isRow)) return value;
    const names = [...new Set(value.flatMap(Object.keys))];
    const cells = (name) => value.map((row) => (Object.hasOwn(row, name) ? row[name] : ""));
    return Object.fromEntries(names.map((name) => [name, cells(name)]));
}

/* Lines of texts, the names of the columns first. */
export function linesOf(table) {
    const columns = entriesOf(table);
    const height = Math.max(0, ...columns.map(([, cells]) => cells.length));
    const line = (y) => columns.map(([, cells]) => text(cells[y]));
    return [columns.map(([name]) => name), ...Array.from({ length: height }, (_, y) => line(y))];
}

/* And back: rows without a text at the end and columns without any are left out. */
export function tableOf([names, ...rows]) {
    const height = rows.findLastIndex((row) => row.some((cell) => cell.trim() !== "")) + 1;
    const columns = names
        .map((name, x) => [name, rows.slice(0, height).map((row) => row[x])])
        .filter(([name, cells]) => name.trim() !== "" || cells.some((cell) => cell.trim() !== ""));
    const seen = new Set();
    for (const [name] of columns) {
        if (seen.has(name))
            throw new Error(
                "Two columns of the table have " + (name ? "the name '" + name + "'" : "no name"),
            );
        seen.add(name);
    }
    return new Map(columns);
}

/* What spreadsheets put on the clipboard, as lines of cells: tabs between cells, and quotes around
 * a cell with a tab, a quote or a line break in it. */
export function pastedLines(clip) {
    const lines = [[]];
    const source = clip.replace(/\r\n?/g, "\n").replace(/\n$/, "");
    for (const [, quoted, plain, end] of source.matchAll(
        /(?:"((?:[^"]|"")*)"(?=[\t\n]|$)|([^\t\n]*))(\t|\n|$)/g,
    )) {
        lines.at(-1).push(quoted?.replaceAll('""', '"') ?? plain);
        if (end === "\n") lines.push([]);
        if (end === "") break;
    }
    return lines;
}
