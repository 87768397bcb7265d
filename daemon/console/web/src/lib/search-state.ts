import { useDebouncedValue } from "@mantine/hooks";
import { useEffect, useState } from "react";
import { useSearchParams } from "react-router";

/** Filters that live in the URL. Setting one keeps the others; an empty one leaves. */
export function useFilters<K extends string>(keys: readonly K[]): [Partial<Record<K, string>>, (change: Partial<Record<K, string | null>>) => void] {
  const [params, setParams] = useSearchParams();
  const filters: Partial<Record<K, string>> = {};
  for (const key of keys) {
    const value = params.get(key);
    if (value) filters[key] = value;
  }
  const set = (change: Partial<Record<K, string | null>>) => {
    setParams((before) => {
      for (const key of keys) {
        if (!(key in change)) continue;
        const value = change[key];
        if (value) before.set(key, value);
        else before.delete(key);
      }
      return before;
    }, { replace: true, preventScrollReset: true });
  };
  return [filters, set];
}

/** A search box that writes to the URL 300 ms after the last key. */
export function useSearchText(stored: string | undefined, store: (text: string) => void): [string, (text: string) => void] {
  const [text, setText] = useState(stored ?? "");
  const [settled] = useDebouncedValue(text, 300);
  useEffect(() => {
    if (settled !== (stored ?? "")) store(settled);
    // Only a change of what was typed is stored; the address may change by itself.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [settled]);
  useEffect(() => { setText(stored ?? ""); }, [stored]);
  return [text, setText];
}
