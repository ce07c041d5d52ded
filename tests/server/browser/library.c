/* Exports of every sort that a page can call, and a few that it has to refuse or to stop. */
#define EXPORT(name) __attribute__((export_name(#name)))

__attribute__((import_module("host"), import_name("log"))) long long host_log(int place, long long value);

EXPORT(add) int add(int one, int other) { return one + other; }
EXPORT(product) long long product(long long one, long long other) { return one * other; }
EXPORT(half) double half(double value) { return value / 2; }
EXPORT(third) float third(float value) { return value / 3; }
EXPORT(nothing) void nothing(void) {}

EXPORT(count) int count(void) {
  static int calls;
  return ++calls;
}

__attribute__((noinline)) static int divide_deep(int one, int other) { return one / other; }
EXPORT(divide) int divide(int one, int other) { return divide_deep(one, other) + 1; }

EXPORT(tell) long long tell(int place) { return host_log(place, 1LL << 40) + 1; }

EXPORT(spin) void spin(void) {
  for (volatile unsigned turns = 0;; turns++) {
  }
}
