// Every exported function can be called from outside: wasmrun exec . --call add 2 3

export function add(a: i32, b: i32): i32 {
  return a + b;
}

export function fibonacci(n: i32): i64 {
  let previous: i64 = 0;
  let current: i64 = 1;
  for (let i = 0; i < n; i++) {
    const next = previous + current;
    previous = current;
    current = next;
  }
  return previous;
}
