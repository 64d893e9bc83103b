// Colors of groups, such as classes, that people with color-blind eyes can tell apart as long as there are few.

const COLORS = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
  "#7a5195",
  "#8c6d31",
  "#637939",
  "#bd3f5b",
  "#3f7f93",
  "#999999",
];

/** The color of a group by its number. */
export function groupColor(number) {
  return COLORS[number % COLORS.length];
}

/** The groups of a list of names, in order of their first occurrence or of `known`; null is a group of its own. */
export function groupsOf(names, known = []) {
  const order = [
    ...known.filter((name) => names.includes(name)),
    ...new Set(names.filter((name) => name !== null && !known.includes(name))),
  ];
  const numbers = new Map(order.map((name, number) => [name, number]));
  return { order, numbers: names.map((name) => (name === null ? -1 : numbers.get(name))) };
}
