/* Where words and nodes stand on their page: fields of several tasks that models of few types read. */

export const placeFields = {
    boxes: { types: ["layoutlm", "lilt"] },
    xpaths: { types: ["markuplm"], singular: "path" },
};
