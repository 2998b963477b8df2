/** The room that the list will take, while it is on its way. */
export function TaskListSkeleton() {
  return (
    <>
      {[0, 1, 2].map((card) => (
        <div key={card} className="card project skeleton" aria-hidden="true">
          <div className="project-head" />
          <ul>
            {[0, 1, 2, 3].map((row) => (
              <li key={row} className="task" />
            ))}
          </ul>
        </div>
      ))}
      <p className="visually-hidden" role="status">
        Loading the tasks
      </p>
    </>
  );
}
