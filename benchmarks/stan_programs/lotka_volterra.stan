// posteriordb hudson_lynx_hare-lotka_volterra, written again from its mathematics.
functions {
  vector field(real t, vector y, real alpha, real beta, real gamma, real delta) {
    vector[2] d;
    d[1] = (alpha - beta * y[2]) * y[1];
    d[2] = (-gamma + delta * y[1]) * y[2];
    return d;
  }
}
data {
  int T;
  array[T] real times;
  vector[2] first;
  array[T] vector[2] later;
  real rtol;
  real atol;
}
parameters {
  real<lower=0> alpha;
  real<lower=0> beta;
  real<lower=0> gamma;
  real<lower=0> delta;
  vector<lower=0>[2] initial;
  vector<lower=0>[2] sigma;
}
model {
  array[T] vector[2] y
    = ode_rk45_tol(field, initial, 0.0, times, rtol, atol, 100000, alpha, beta, gamma, delta);
  alpha ~ normal(1, 0.5);
  gamma ~ normal(1, 0.5);
  beta ~ normal(0.05, 0.05);
  delta ~ normal(0.05, 0.05);
  initial ~ lognormal(log(10), 1);
  sigma ~ lognormal(-1, 1);
  first ~ lognormal(log(initial), sigma);
  for (k in 1 : T) {
    later[k] ~ lognormal(log(y[k]), sigma);
  }
}
