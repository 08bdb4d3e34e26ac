// IP3 receptor of Sneyd and Dufour (PNAS 2002), N experiments. Stiff.
functions {
  vector field(real t, vector y, vector p, real ip3, real ca) {
    vector[6] d;
    real L1 = p[5] * p[9] / (p[1] * p[12]);
    real L3 = p[6] * p[10] / (p[2] * p[13]);
    real L5 = p[8] * p[11] / (p[4] * p[14]);
    real open_rest = (p[6] + p[13] * ca) / (1 + ca / L5) * y[1];
    real rest_open = (p[2] * L3 + p[10] * ca) / (L3 + ca * (1 + L3 / L1)) * ip3 * y[2];
    real open_active = (p[4] * L5 + p[11]) * ca / (L5 + ca) * y[1];
    real active_open = L1 * (p[8] + p[14]) / (L1 + ca) * y[5];
    real open_shut = p[3] * L5 / (L5 + ca) * y[1];
    real rest_first = (p[1] * L1 + p[9]) * ca / (L1 + ca * (1 + L1 / L3)) * y[2];
    real active_second = (p[1] * L1 + p[9]) * ca / (L1 + ca) * y[5];
    real first_rest = (p[5] + p[12]) * y[3];
    real second_active = (p[5] + p[12]) * y[6];
    d[1] = -open_rest + rest_open - open_active + active_open - open_shut + p[7] * y[4];
    d[2] = open_rest - rest_open - rest_first + first_rest;
    d[3] = rest_first - first_rest;
    d[4] = open_shut - p[7] * y[4];
    d[5] = open_active - active_open - active_second + second_active;
    d[6] = active_second - second_active;
    return d;
  }
}
data {
  int N;
  int T;
  array[T] real times;
  vector[6] start;
  array[N] vector[T] measured;
  vector[N] ip3;
  vector[N] ca;
  real sigma;
  real rtol;
  real atol;
}
parameters {
  array[N] vector[14] z;
}
model {
  for (i in 1 : N) {
    array[T] vector[6] y = ode_bdf_tol(field, start, 0.0, times, rtol, atol, 100000, exp(z[i]),
                                       ip3[i], ca[i]);
    vector[T] gate;
    for (k in 1 : T) {
      gate[k] = 0.9 * y[k][5] + 0.1 * y[k][1];
    }
    target += normal_lupdf(measured[i] | square(square(gate)), sigma);
  }
}
