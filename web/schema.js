/* Reading JSON Schemas of tasks: which of several forms the page fills in, and what fits it. */

const isTexts = (schema) => schema.type === "array" && schema.items?.type === "string";

/* For each column its cells, which are texts or other plain values. */
export const isTable = (schema) =>
    schema.type === "object" && Array.isArray(schema.additionalProperties?.items?.type);

/* The alternative of an anyOf that people fill in: text before the rest; with `many`, a list of
 * texts first. */
export function preferred(schema, many = false) {
    if (!schema.anyOf) return schema;
    const choice =
        (many && schema.anyOf.find(isTexts)) ||
        (schema.anyOf.find((one) => one.type === "string") ?? schema.anyOf[0]);
    return preferred({ ...schema, anyOf: undefined, ...choice }, many);
}

/* What a control shows a value of the schema with. options: many, compact (parameters), prominent
 * (parameters beside the inputs). */
export function kindOf(schema, { compact, prominent }) {
    if (schema.enum) return "choice";
    if (isTexts(schema)) return compact ? "chips" : "list";
    if (schema.type === "boolean" && prominent) return "toggle";
    if (isTable(schema)) return "table";
    if (schema.type === "object" && !schema.properties) return "json";
    return (
        { string: "text", integer: "number", number: "number", boolean: "flag", object: "object" }[
            schema.type
        ] ?? "json"
    );
}

const plainType = (value) => (value === null ? "null" : typeof value);

/* Whether a value has the schema's type; deep for arrays and tables. */
export function fits(value, schema) {
    switch (schema.type) {
        case "array":
            return Array.isArray(value) && value.every((item) => fits(item, schema.items ?? {}));
        case "object":
            return (
                typeof value === "object" &&
                value !== null &&
                !Array.isArray(value) &&
                Object.values(value).every((item) => fits(item, schema.additionalProperties ?? {}))
            );
        case "integer":
            return Number.isInteger(value);
        case "number":
        case "string":
        case "boolean":
            return typeof value === schema.type;
        default:
            return !Array.isArray(schema.type) || schema.type.includes(plainType(value));
    }
}
