/* Parts of a text by the offsets of a reply. Those count Unicode code points, the strings of a page
 * UTF-16 units: an emoji is one of the former and two of the latter. */

/* The text as nodes. spans: [{start, end}] in any order; one that overlaps an earlier one or lies
 * outside the text is left out. mark(part, span): the node for the text of a span. */
export function spanNodes(text, spans, mark) {
    const points = Array.from(text);
    const nodes = [];
    let done = 0;
    for (const span of [...spans].sort((a, b) => a.start - b.start || b.end - a.end)) {
        if (span.start < done || span.end <= span.start || span.end > points.length) continue;
        nodes.push(points.slice(done, span.start).join(""));
        nodes.push(mark(points.slice(span.start, span.end).join(""), span));
        done = span.end;
    }
    nodes.push(points.slice(done).join(""));
    return nodes;
}
