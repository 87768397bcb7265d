// The roles in words (LM-27 to LM-30). The order is that in which they are offered.

export interface RoleWords { name: string; title: string; may: string }

export const ROLES: RoleWords[] = [
  { name: "member", title: "Member", may: "Reads everything that is routed, and why." },
  { name: "reviewer", title: "Reviewer", may: "Reads, and decides what is put before them." },
  { name: "admin", title: "Administrator", may: "Changes everything in this organisation, its people and its keys." },
];
const SUPER: RoleWords = { name: "super_admin", title: "Super administrator", may: "Runs the appliance: its organisations, its signing keys and its jobs." };

export const roleWords = (name: string): RoleWords => [...ROLES, SUPER].find((role) => role.name === name) ?? { name, title: name.replaceAll("_", " "), may: "" };
export const roleTitles = (names: string[]): string => names.map((name) => roleWords(name).title).join(", ") || "no role";
