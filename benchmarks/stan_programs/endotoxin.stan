// Cytokines of volunteers after endotoxin; six rates vary, two are common; non-centered.
// States: TNF, IL10, IL8, IL6, MA, MR, E. Rates: ktnf, k8, k6, ktnfm, k10m, k8m, k6m, kma.
functions {
  real up(real x, real half, real n) {
    return x ^ n / (half ^ n + x ^ n);
  }
  real down(real x, real half, real n) {
    return half ^ n / (half ^ n + x ^ n);
  }
  vector field(real t, vector y, vector p, array[] real c) {
    vector[7] d;
    real active = y[7] / (c[10] + y[7]) * (c[5] + c[6] * up(y[1], c[11], c[21]))
                  * down(y[2], c[14], c[24]) * y[6];
    d[1] = p[4] * y[5] * down(y[2], c[15], c[25]) * down(y[4], c[19], c[29])
           - p[1] * (y[1] - c[31]);
    d[2] = (p[5] + c[4] * up(y[4], c[18], c[28])) * y[5] - c[1] * (y[2] - c[32]);
    d[3] = (p[6] + c[2] * up(y[1], c[12], c[22])) * down(y[2], c[16], c[26]) * y[5]
           - p[2] * (y[3] - c[33]);
    d[4] = (p[7] + c[3] * up(y[1], c[13], c[23])) * down(y[4], c[20], c[30])
           * down(y[2], c[17], c[27]) * y[5] - p[3] * (y[4] - c[34]);
    d[5] = active - p[8] * y[5];
    d[6] = c[7] * y[6] * (1 - y[6] / c[9]) - active;
    d[7] = -c[8] * y[7];
    return d;
  }
}
data {
  int N;
  int T;
  array[N, T] real times;
  vector[N] dose;
  array[35] real c;
  int TNF_rows;
  array[TNF_rows] int TNF_subject;
  array[TNF_rows] int TNF_place;
  vector[TNF_rows] TNF_value;
  int IL6_rows;
  array[IL6_rows] int IL6_subject;
  array[IL6_rows] int IL6_place;
  vector[IL6_rows] IL6_value;
  int IL8_rows;
  array[IL8_rows] int IL8_subject;
  array[IL8_rows] int IL8_place;
  vector[IL8_rows] IL8_value;
  int IL10_rows;
  array[IL10_rows] int IL10_subject;
  array[IL10_rows] int IL10_place;
  vector[IL10_rows] IL10_value;
  vector[8] median;
  vector[8] sd;
  vector[6] spread;
  vector[4] scale;
  real rtol;
  real atol;
}
parameters {
  real<lower=0> ktnf;
  real<lower=0> k8;
  real<lower=0> k6;
  real<lower=0> ktnfm;
  real<lower=0> k10m;
  real<lower=0> k8m;
  real<lower=0> k6m;
  real<lower=0> kma;
  real<lower=0> ktnf_omega;
  real<lower=0> k8_omega;
  real<lower=0> k6_omega;
  real<lower=0> k10m_omega;
  real<lower=0> k8m_omega;
  real<lower=0> k6m_omega;
  real<lower=0> TNF_sigma;
  real<lower=0> IL6_sigma;
  real<lower=0> IL8_sigma;
  real<lower=0> IL10_sigma;
  vector[N] ktnf_z;
  vector[N] k8_z;
  vector[N] k6_z;
  vector[N] k10m_z;
  vector[N] k8m_z;
  vector[N] k6m_z;
}
model {
  matrix[N, 8] p;
  p[, 1] = ktnf * exp(ktnf_omega * ktnf_z);
  p[, 2] = k8 * exp(k8_omega * k8_z);
  p[, 3] = k6 * exp(k6_omega * k6_z);
  p[, 4] = rep_vector(ktnfm, N);
  p[, 5] = k10m * exp(k10m_omega * k10m_z);
  p[, 6] = k8m * exp(k8m_omega * k8m_z);
  p[, 7] = k6m * exp(k6m_omega * k6m_z);
  p[, 8] = rep_vector(kma, N);
  array[N, T] vector[7] y;
  for (i in 1 : N) {
    vector[7] start = [c[31], c[32], c[33], c[34], 0, c[35], dose[i]]';
    y[i] = ode_rk45_tol(field, start, 0.0, times[i], rtol, atol, 100000, p[i]', c);
  }
  ktnf ~ lognormal(log(median[1]), sd[1]);
  k8 ~ lognormal(log(median[2]), sd[2]);
  k6 ~ lognormal(log(median[3]), sd[3]);
  ktnfm ~ lognormal(log(median[4]), sd[4]);
  k10m ~ lognormal(log(median[5]), sd[5]);
  k8m ~ lognormal(log(median[6]), sd[6]);
  k6m ~ lognormal(log(median[7]), sd[7]);
  kma ~ lognormal(log(median[8]), sd[8]);
  ktnf_omega ~ normal(0, spread[1]);
  k8_omega ~ normal(0, spread[2]);
  k6_omega ~ normal(0, spread[3]);
  k10m_omega ~ normal(0, spread[4]);
  k8m_omega ~ normal(0, spread[5]);
  k6m_omega ~ normal(0, spread[6]);
  TNF_sigma ~ normal(0, scale[1]);
  IL6_sigma ~ normal(0, scale[2]);
  IL8_sigma ~ normal(0, scale[3]);
  IL10_sigma ~ normal(0, scale[4]);
  ktnf_z ~ std_normal();
  k8_z ~ std_normal();
  k6_z ~ std_normal();
  k10m_z ~ std_normal();
  k8m_z ~ std_normal();
  k6m_z ~ std_normal();
  for (r in 1 : TNF_rows) {
    TNF_value[r] ~ lognormal(log(y[TNF_subject[r], TNF_place[r]][1]), TNF_sigma);
  }
  for (r in 1 : IL6_rows) {
    IL6_value[r] ~ lognormal(log(y[IL6_subject[r], IL6_place[r]][4]), IL6_sigma);
  }
  for (r in 1 : IL8_rows) {
    IL8_value[r] ~ lognormal(log(y[IL8_subject[r], IL8_place[r]][3]), IL8_sigma);
  }
  for (r in 1 : IL10_rows) {
    IL10_value[r] ~ lognormal(log(y[IL10_subject[r], IL10_place[r]][2]), IL10_sigma);
  }
}
