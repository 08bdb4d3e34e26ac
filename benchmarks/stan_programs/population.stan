// Five states, eight rates, N subjects.
functions {
  vector field(real t, vector y, vector p) {
    vector[5] d;
    real active = y[1] / (p[3] + y[1]);
    d[1] = 0.02 * y[1] - p[2] * y[2] * y[1] / (1 + y[2]);
    d[2] = p[1] * active * y[2] - p[4] * y[2] - p[5] * y[2];
    d[3] = p[5] * y[2] - 0.01 * y[3];
    d[4] = p[6] * y[2] * active - 5.0 * y[4];
    d[5] = p[7] * y[4] / (1 + y[4]) * (1 + 2 * y[5] / (5 + y[5])) - p[8] * y[5];
    return d;
  }
}
data {
  int N;
  int T;
  array[T] real times;
  vector[5] start;
  array[N, T] vector[5] weight;
  real rtol;
  real atol;
}
parameters {
  array[N] vector[8] z;
}
model {
  for (i in 1 : N) {
    array[T] vector[5] y
      = ode_rk45_tol(field, start, 0.0, times, rtol, atol, 100000, exp(z[i]));
    for (k in 1 : T) {
      target += dot_product(log1p(abs(y[k])), weight[i, k]);
    }
  }
}
