/** A project's name for people: `spring-fair` is "Spring fair". */
export function projectName(project: string | null): string {
  if (project === null) return "No project";
  const words = project.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
