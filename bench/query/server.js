// What the page asks of the reference server.

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Somebody else adds a task, of which the server sends an event. */
export async function addTask(title, headers = {}) {
  const response = await fetch("/api/tasks", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ title }),
  });
  if (!response.ok) throw response;
  return response.json();
}

/** How many tasks there are. It takes this long, and the server reads them halfway through. */
export async function countTasks(ms) {
  await sleep(ms / 2);
  const response = await fetch("/api/tasks", { cache: "no-store" });
  if (!response.ok) throw response;
  const tasks = await response.json();
  await sleep(ms / 2);
  return tasks.length;
}
