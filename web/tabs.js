/* Tabs as the ARIA pattern has them: one tab stop, arrow keys, Home and End.
 * The markup is the caller's: buttons [role=tab] with aria-controls inside `list`. */

/* onselect(tab) runs on every change of the user's; returns select(tab) for the page's own. */
export function tabs(list, onselect = () => {}) {
    const all = () => [...list.querySelectorAll("[role=tab]:not([hidden])")];

    function select(chosen) {
        for (const tab of list.querySelectorAll("[role=tab]")) {
            const on = tab === chosen;
            tab.setAttribute("aria-selected", String(on));
            tab.tabIndex = on ? 0 : -1;
        }
        const panels = new Map();
        for (const tab of list.querySelectorAll("[role=tab]")) {
            const id = tab.getAttribute("aria-controls");
            panels.set(id, panels.get(id) || tab === chosen);
        }
        for (const [id, shown] of panels) document.getElementById(id).hidden = !shown;
    }

    list.addEventListener("click", (event) => {
        const tab = event.target.closest("[role=tab]");
        if (tab) {
            select(tab);
            onselect(tab);
        }
    });
    list.addEventListener("keydown", (event) => {
        const row = all();
        const at = row.indexOf(document.activeElement);
        const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: row.length - 1 }[
            event.key
        ];
        if (at < 0 || to === undefined) return;
        event.preventDefault();
        const tab = row[(to + row.length) % row.length];
        tab.focus();
        select(tab);
        onselect(tab);
    });
    return select;
}
