// What the server says, mirrored from dev_state.py, broadcast.py and module_view.py, and how it is asked.

export type Status = "building" | "ok" | "failed" | "cancelled";
export type Severity = "error" | "warning" | "note";
export type ProgramKind = "wasi" | "library" | "page" | "emscripten" | "wasm-bindgen" | "component";

export interface Diagnostic {
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
  readonly severity: Severity;
  readonly message: string;
  readonly source: string;
  /** The line of the source file it is about, where the server knows it. */
  readonly source_line?: string | null;
}

export interface Program {
  readonly kind: ProgramKind;
  readonly module: string | null;
  readonly script: string | null;
  readonly page: string | null;
  readonly needs_isolation: boolean;
}

export interface Build {
  readonly number: number;
  readonly status: Status;
  readonly started_at: string;
  readonly duration_s: number | null;
  readonly trigger: readonly string[];
  readonly plugin: Readonly<Record<string, string>> | null;
  readonly toolchain: Readonly<Record<string, string>> | null;
  readonly target: string | null;
  readonly optimization: string | null;
  readonly module_bytes: number | null;
  readonly cache: string | null;
  readonly warnings: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
  readonly error: Readonly<{ code: string; message: string; hint: string }> | null;
}

export interface ServedFile {
  readonly url: string;
  readonly size_bytes: number;
  readonly sha256: string;
  readonly kind: string;
}

export interface DevState {
  readonly schema: number;
  readonly project: { readonly name: string; readonly path: string; readonly is_file: boolean };
  readonly watching: boolean;
  readonly status: Status;
  readonly generation: number;
  readonly program: Program | null;
  readonly files: readonly ServedFile[];
  readonly builds: readonly Build[];
}

export interface Section {
  readonly id: number;
  readonly name: string;
  readonly offset: number;
  readonly size_bytes: number;
}

export interface Extern {
  readonly module?: string;
  readonly name: string;
  readonly kind: string;
  readonly type: string;
  readonly params?: readonly string[];
  readonly results?: readonly string[];
  readonly limits?: { readonly min: number; readonly max: number | null };
  readonly members?: readonly Extern[];
}

export interface ModuleFunction {
  readonly index: number;
  readonly name: string | null;
  readonly offset: number;
  readonly size_bytes: number;
  readonly export: string | null;
}

export interface Memory {
  readonly min_pages: number;
  readonly max_pages: number | null;
  readonly shared: boolean;
  readonly memory64: boolean;
  readonly page_size_bytes: number;
  readonly imported: boolean;
}

export interface ModuleView {
  readonly kind: string;
  readonly type: string;
  readonly size_bytes: number;
  readonly start: number | null;
  readonly sections: readonly Section[];
  readonly functions: readonly ModuleFunction[];
  readonly imports: readonly Extern[];
  readonly exports: readonly Extern[];
  readonly memories: readonly Memory[];
  readonly producers: Readonly<Record<string, readonly string[]>>;
  readonly features: readonly string[];
  readonly custom_sections: readonly { name: string; offset: number; size_bytes: number }[];
  readonly modules?: readonly { offset: number; size_bytes: number; functions: number }[];
  readonly counts: Readonly<
    Record<"functions" | "imported_functions" | "imports" | "exports" | "sections", number>
  >;
}

export const BASE = "/_wasmrun/";

/** The server writes it into every page of its own. */
export function getToken(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="wasmrun-token"]')?.content ?? "";
}

export async function request(path: string, method: "GET" | "POST" = "GET"): Promise<Response> {
  const answer = await fetch(BASE + path, {
    method,
    headers: { "X-Wasmrun-Token": getToken() },
    cache: "no-store",
  });
  if (!answer.ok) throw new Error(await sayWhy(answer));
  return answer;
}

async function sayWhy(answer: Response): Promise<string> {
  const text = (await answer.text()).slice(0, 2000);
  try {
    const body = JSON.parse(text) as { error?: { message?: string } | string };
    const error = typeof body.error === "string" ? body.error : body.error?.message;
    if (error) return error;
  } catch {
    // Plain text is an answer too.
  }
  return text.trim() || `the server answered ${answer.status}`;
}

export async function loadModuleView(): Promise<ModuleView> {
  return (await request("module")).json() as Promise<ModuleView>;
}

export async function loadLog(build: number): Promise<readonly string[]> {
  const body = (await (await request(`log/${build}`)).json()) as { lines: readonly string[] };
  return body.lines;
}
