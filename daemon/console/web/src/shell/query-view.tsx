// The four lives of a read: loading, failed, stale but shown, and there.
import type { UseInfiniteQueryResult, UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { helpOf, messageOf, Problem, requestIdOf } from "../api/problem";
import { Fault, LoadingRows } from "../ui/states";

interface QueryViewProps<T> {
  query: UseQueryResult<T> | UseInfiniteQueryResult<T>;
  /** What could not be read, to begin a sentence: "The routing log". */
  what: string;
  loading?: ReactNode;
  children(data: T): ReactNode;
}

export function QueryView<T>({ query, what, loading, children }: QueryViewProps<T>) {
  if (query.data !== undefined) {
    return (
      <>
        {query.isError ? <ReadFault what={what} query={query} stale /> : null}
        {children(query.data)}
      </>
    );
  }
  if (query.isError) return <ReadFault what={what} query={query} />;
  return loading ?? <LoadingRows label={`${what} is loading`} />;
}

function ReadFault({ what, query, stale = false }: { what: string; query: { error: unknown; refetch(): unknown }; stale?: boolean }) {
  const { error } = query;
  const forbidden = error instanceof Problem && error.status === 403;
  return (
    <Fault
      title={forbidden ? `${what} is not for your role` : stale ? `${what} could not be renewed; what you see may be old` : `${what} could not be read`}
      message={forbidden ? "An administrator of your organisation can give you the right to see it." : messageOf(error)}
      requestId={requestIdOf(error)}
      help={forbidden ? undefined : helpOf(error)}
      onRetry={() => { void query.refetch(); }}
    />
  );
}
