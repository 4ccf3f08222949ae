/** Members by group, which may be groups themselves, as results files have them under `group_subtasks`. */
export type GroupMembers = Readonly<Record<string, readonly string[]>>;

/** The tasks below each group, in order; groups without any, as results files list tasks too, are left out. */
export function tasksOfGroups(members: GroupMembers): Map<string, string[]> {
  const tasksBelow = (name: string, above: readonly string[]): string[] => {
    const own = Object.hasOwn(members, name) ? members[name]! : [];
    if (own.length === 0) return above.length > 0 ? [name] : [];
    // A file from anywhere may have groups that contain themselves.
    return above.includes(name) ? [] : own.flatMap((member) => tasksBelow(member, [...above, name]));
  };
  const groups = Object.keys(members).map((group) => [group, [...new Set(tasksBelow(group, []))]] as const);
  return new Map(groups.filter(([, tasks]) => tasks.length > 0).map(([group, tasks]) => [group, [...tasks]]));
}
