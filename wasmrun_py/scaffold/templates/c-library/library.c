/* Every function without "static" is exported under its own name. */

static int gcd(int a, int b) { return b == 0 ? a : gcd(b, a % b); }

int add(int a, int b) { return a + b; }

int least_common_multiple(int a, int b) { return a / gcd(a, b) * b; }
