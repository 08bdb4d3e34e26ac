// Warfarin: transit absorption and a response that turns over; non-centered, KTR above KA above CL / V.
// States: depot, gut, center, effect. Parameters: KTR, KA, CL, V, Imax, IC50, kout, E0.
functions {
  vector field(real t, vector y, vector p) {
    vector[4] d;
    real c = y[3] / p[4];
    d[1] = -p[1] * y[1];
    d[2] = p[1] * y[1] - p[2] * y[2];
    d[3] = p[2] * y[2] - p[3] * c;
    d[4] = p[7] * (p[8] * (1 - p[5] * c / (p[6] + c)) - y[4]);
    return d;
  }
}
data {
  int N;
  int T;
  array[N] int count; // of positive times of each subject
  array[N, T] real times;
  vector[N] dose;
  int cp_rows;
  array[cp_rows] int cp_subject;
  array[cp_rows] int cp_place; // 1 is time zero
  vector[cp_rows] cp_value;
  int pca_rows;
  array[pca_rows] int pca_subject;
  array[pca_rows] int pca_place; // 1 is time zero
  vector[pca_rows] pca_value;
  vector[8] median;
  vector[8] sd;
  vector[8] spread;
  vector[3] scale;
  real rtol;
  real atol;
}
parameters {
  real<lower=0> CL;
  real<lower=0> V;
  real<lower=CL / V> KA;
  real<lower=KA> KTR;
  real<lower=0, upper=1> Imax;
  real<lower=0> IC50;
  real<lower=0> kout;
  real<lower=0> E0;
  real<lower=0> KTR_omega;
  real<lower=0> KA_omega;
  real<lower=0> CL_omega;
  real<lower=0> V_omega;
  real<lower=0> Imax_omega;
  real<lower=0> IC50_omega;
  real<lower=0> kout_omega;
  real<lower=0> E0_omega;
  real<lower=0> cp_sigma_add;
  real<lower=0> cp_sigma_prop;
  real<lower=0> pca_sigma;
  vector[N] KTR_z;
  vector[N] KA_z;
  vector[N] CL_z;
  vector[N] V_z;
  vector[N] Imax_z;
  vector[N] IC50_z;
  vector[N] kout_z;
  vector[N] E0_z;
}
model {
  matrix[N, 8] p;
  p[, 1] = KTR * exp(KTR_omega * KTR_z);
  p[, 2] = KA * exp(KA_omega * KA_z);
  p[, 3] = CL * exp(CL_omega * CL_z);
  p[, 4] = V * exp(V_omega * V_z);
  p[, 5] = inv_logit(logit(Imax) + Imax_omega * Imax_z);
  p[, 6] = IC50 * exp(IC50_omega * IC50_z);
  p[, 7] = kout * exp(kout_omega * kout_z);
  p[, 8] = E0 * exp(E0_omega * E0_z);
  array[N, T + 1] vector[4] y;
  for (i in 1 : N) {
    vector[4] start = [dose[i], 0, 0, p[i, 8]]';
    y[i, 1] = start;
    y[i, 2 : count[i] + 1] = ode_rk45_tol(field, start, 0.0, times[i, 1 : count[i]], rtol, atol,
                                          100000, p[i]');
  }
  KTR ~ lognormal(log(median[1]), sd[1]);
  KA ~ lognormal(log(median[2]), sd[2]);
  CL ~ lognormal(log(median[3]), sd[3]);
  V ~ lognormal(log(median[4]), sd[4]);
  IC50 ~ lognormal(log(median[6]), sd[6]);
  kout ~ lognormal(log(median[7]), sd[7]);
  E0 ~ lognormal(log(median[8]), sd[8]);
  logit(Imax) ~ normal(logit(median[5]), sd[5]);
  target += -log(Imax) - log1m(Imax);
  KTR_omega ~ normal(0, spread[1]);
  KA_omega ~ normal(0, spread[2]);
  CL_omega ~ normal(0, spread[3]);
  V_omega ~ normal(0, spread[4]);
  Imax_omega ~ normal(0, spread[5]);
  IC50_omega ~ normal(0, spread[6]);
  kout_omega ~ normal(0, spread[7]);
  E0_omega ~ normal(0, spread[8]);
  cp_sigma_add ~ normal(0, scale[1]);
  cp_sigma_prop ~ normal(0, scale[2]);
  pca_sigma ~ normal(0, scale[3]);
  KTR_z ~ std_normal();
  KA_z ~ std_normal();
  CL_z ~ std_normal();
  V_z ~ std_normal();
  Imax_z ~ std_normal();
  IC50_z ~ std_normal();
  kout_z ~ std_normal();
  E0_z ~ std_normal();
  for (r in 1 : cp_rows) {
    int i = cp_subject[r];
    real f = y[i, cp_place[r]][3] / p[i, 4];
    cp_value[r] ~ normal(f, sqrt(square(cp_sigma_add) + square(cp_sigma_prop * f)));
  }
  for (r in 1 : pca_rows) {
    pca_value[r] ~ normal(y[pca_subject[r], pca_place[r]][4], pca_sigma);
  }
}
