# Random competing-risks data, mostly tied months, with cmprsk's results: cumulative incidence,
# Gray's test (2 to 4 groups, strata, rho) and Fine-Gray (month 0 made month 1, so that the
# censoring distribution is a left limit everywhere). Run: Rscript competing_risks_random.R
suppressMessages({library(cmprsk); library(jsonlite)})
set.seed(20260101)
sets <- list()
for (i in 1:24) {
  n <- sample(c(30, 60), 1); k <- sample(2:4, 1); months <- sample(c(4, 12, 40), 1)
  group <- sample(0:(k - 1), n, TRUE); strata <- sample(0:1, n, TRUE)
  age <- round(rnorm(n, 60, 10)); grade <- rbinom(n, 1, .4)
  t1 <- floor(rexp(n, exp(.02 * (age - 60) + .5 * grade) / (2 * months)))
  t2 <- floor(rexp(n, 1 / (3 * months)))
  censoring <- sample(0:months, n, TRUE)
  kind <- c("plain", "no censoring", "group without the event", "no competing event", "no ties",
            "plain")[i %% 6 + 1]
  if (kind == "no censoring") censoring <- rep(1e6, n)
  time <- pmin(t1, t2, censoring)
  event <- ifelse(censoring < pmin(t1, t2), 0, ifelse(t1 <= t2, 1, 2))
  if (kind == "group without the event") event[group == 0 & event == 1] <- 2
  if (kind == "no competing event") event[event == 2] <- 0
  if (kind == "no ties") time <- sample(1:1000, n) / 8
  rho <- c(0, 1, .5)[i %% 3 + 1]
  one <- rep(0, n)
  result <- cuminc(time, event, group, if (i %% 2 == 0) strata else one, rho = rho)
  curves <- result[names(result) != "Tests"]
  fit <- crr(time + 1, event, cbind(age, grade), gtol = 1e-12, maxiter = 100)
  stopifnot(max(abs(fit$coef)) < 4, all(result$Tests[, 1] >= 0))
  sets[[length(sets) + 1]] <- list(
    kind = kind, time = time, event = event, group = group,
    strata = if (i %% 2 == 0) strata else one, rho = rho, age = age, grade = grade,
    gray = list(cause = as.integer(rownames(result$Tests)), statistic = unname(result$Tests[, 1]),
                p_value = unname(result$Tests[, 2]), df = unname(result$Tests[, 3])),
    curves = lapply(names(curves), function(name) list(
      name = name, time = curves[[name]]$time, est = curves[[name]]$est, var = curves[[name]]$var)),
    crr = list(coef = unname(fit$coef), var = unname(fit$var), loglik = fit$loglik,
               loglik_null = fit$loglik.null, jumps = fit$bfitj))
}
origin <- paste(R.version.string, "cmprsk", packageVersion("cmprsk"), "random data, seed 20260101")
write(toJSON(list(origin = origin, sets = sets), digits = NA, auto_unbox = FALSE),
      "competing_risks_random.json")
