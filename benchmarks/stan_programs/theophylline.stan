// One compartment by mouth in closed form, twelve subjects, non-centered.
data {
  int N;
  int rows;
  array[rows] int subject;
  vector[rows] time;
  vector[rows] value;
  vector[N] dose;
  vector[3] median;
  vector[3] sd;
  vector[3] spread;
  vector[1] scale;
}
parameters {
  real<lower=0> KA;
  real<lower=0> CL;
  real<lower=0> V;
  real<lower=0> KA_omega;
  real<lower=0> CL_omega;
  real<lower=0> V_omega;
  real<lower=0> DV_sigma;
  vector[N] KA_z;
  vector[N] CL_z;
  vector[N] V_z;
}
model {
  vector[N] ka = KA * exp(KA_omega * KA_z);
  vector[N] v = V * exp(V_omega * V_z);
  vector[N] k = CL * exp(CL_omega * CL_z) ./ v;
  vector[N] height = dose .* ka ./ (v .* (ka - k));
  vector[rows] f = height[subject] .* (exp(-k[subject] .* time) - exp(-ka[subject] .* time));
  KA ~ lognormal(log(median[1]), sd[1]);
  CL ~ lognormal(log(median[2]), sd[2]);
  V ~ lognormal(log(median[3]), sd[3]);
  KA_omega ~ normal(0, spread[1]);
  CL_omega ~ normal(0, spread[2]);
  V_omega ~ normal(0, spread[3]);
  DV_sigma ~ normal(0, scale[1]);
  KA_z ~ std_normal();
  CL_z ~ std_normal();
  V_z ~ std_normal();
  value ~ normal(f, DV_sigma);
}
