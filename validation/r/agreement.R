# Results of R on many data sets: Rscript agreement.R <data sets>.json <results>.json
# The names of the results are those of `estimates.py`.
suppressMessages({library(survival); library(cmprsk); library(jsonlite)})
arguments <- commandArgs(trailingOnly = TRUE)
tight <- coxph.control(eps = 1e-11, toler.chol = 1e-12, iter.max = 50)
se <- function(v) unname(sqrt(diag(as.matrix(v))))

# Rows of one model: columns of X by term, so that a term of several columns is tested jointly.
model_frame <- function(d, columns) {
  rows <- data.frame(time = d$time, event = d$event, w = d$weight, set = d$matched_set)
  terms <- d$terms[columns]
  for (term in unique(terms)) rows[[term]] <- d$X[, columns[terms == term], drop = FALSE]
  list(rows = rows, right = paste(unique(terms), collapse = "+"), X = d$X[, columns, drop = FALSE])
}

kaplan_meier <- function(d) {
  out <- list()
  w <- d$weight
  d <- data.frame(time = d$time, event = d$event, group = d$group, horizon = d$horizon)
  for (type in c("log", "log-log", "plain")) {
    fit <- survfit(Surv(time, event > 0) ~ 1, d, conf.type = type)
    out[[paste("km interval", type)]] <- c(fit$lower, fit$upper)
  }
  out[["km survival"]] <- fit$surv
  out[["km se"]] <- fit$surv * fit$std.err
  out[["km at risk"]] <- fit$n.risk
  out[["km median"]] <- unname(unlist(quantile(fit, .5)))
  mean <- summary(fit, rmean = d$horizon[1])$table
  out[["rmst"]] <- unname(mean[grep("^\\*?rmean", names(mean))])
  out[["rmst se"]] <- unname(mean[grep("^\\*?se\\(rmean", names(mean))])
  fit <- survfit(Surv(time, event > 0) ~ 1, d, weights = w, robust = TRUE)
  out[["km weighted survival"]] <- fit$surv
  out[["km weighted se"]] <- summary(fit, times = fit$time)$std.err
  out
}

log_rank <- function(d) {
  test <- survdiff(Surv(d$time, d$event > 0) ~ d$group)
  list("logrank statistic" = test$chisq, "logrank expected" = unname(test$exp))
}

cox <- function(d) {
  m <- model_frame(d, d$cox_columns)
  out <- list()
  fit_cox <- function(...) coxph(as.formula(paste("Surv(time, event > 0) ~", m$right)), m$rows,
                                 control = tight, ...)
  for (ties in c("efron", "breslow")) {
    fit <- fit_cox(ties = ties)
    name <- function(x) paste("cox", ties, x)
    out[[name("coef")]] <- unname(coef(fit))
    out[[name("se")]] <- se(vcov(fit))
    out[[name("loglik")]] <- fit$loglik
    out[[name("robust se")]] <- se(vcov(fit_cox(ties = ties, robust = TRUE)))
    clustered <- fit_cox(ties = ties, cluster = m$rows$set)
    out[[name("clustered se")]] <- se(vcov(clustered))
    weighted <- fit_cox(ties = ties, weights = m$rows$w, cluster = m$rows$set)
    out[[name("weighted coef")]] <- unname(coef(weighted))
    out[[name("weighted clustered se")]] <- se(vcov(weighted))
    out[[name("weighted robust se")]] <- se(vcov(fit_cox(ties = ties, weights = m$rows$w, robust = TRUE)))
    if (ties == "efron") {
      for (transform in c("km", "identity", "rank")) {
        out[[paste("zph", transform)]] <- zph(fit, transform)
      }
      out[["zph weighted"]] <- zph(weighted, "km")
    }
  }
  out
}

# With too few deaths cox.zph stops, even if only the global test is singular.
zph <- function(fit, transform) {
  tryCatch(unname(cox.zph(fit, transform)$table[, 1]),
           error = function(e) rep(NA_real_, length(fit$assign) + 1))
}

# The robust score test of coxph, with score residuals summed within sets. As Breslow.
cox_score_test <- function(d) {
  m <- model_frame(d, d$cox_columns)
  test <- function(...) {
    fit <- coxph(as.formula(paste("Surv(time, event > 0) ~", m$right)), m$rows,
                 ties = "breslow", ...)
    unname(summary(fit)$robscore["test"])
  }
  list("score test" = test(robust = TRUE), "score test clustered" = test(cluster = m$rows$set),
       "score test weighted clustered" = test(cluster = m$rows$set, weights = m$rows$w))
}

# The coefficients that coxph leaves out, and the likelihood where some estimates are infinite.
full_cox <- function(d) {
  fit <- suppressWarnings(coxph(Surv(d$time, d$event > 0) ~ d$X,
                                control = coxph.control(iter.max = 30)))
  out <- list("aliased" = as.numeric(is.na(coef(fit))))
  if (d$separated) out[["separated loglik"]] <- fit$loglik[2]
  out
}

incidence <- function(d) {
  fit <- cuminc(d$time, d$event, d$group, d$strata, rho = d$rho)
  out <- list("cif estimate" = c(), "cif variance" = c())
  for (group in sort(unique(d$group))) for (cause in 1:2) {
    times <- sort(unique(d$time[d$group == group]))
    name <- paste(group, cause)
    # a cause that nobody has is not among cuminc's results
    at <- if (is.null(fit[[name]])) list(est = 0 * times, var = 0 * times) else
      timepoints(fit[name], times)
    out[["cif estimate"]] <- c(out[["cif estimate"]], as.vector(at$est))
    out[["cif variance"]] <- c(out[["cif variance"]], as.vector(at$var))
  }
  tests <- fit$Tests[order(rownames(fit$Tests)), , drop = FALSE]
  given <- ifelse(tests[, 1] < 0, NA, 1)  # -1 is cuminc's word for a singular variance
  out[["gray statistic"]] <- unname(given * tests[, 1])
  out[["gray p"]] <- unname(given * tests[, 2])
  state <- factor(d$event, c(0, sort(unique(d$event[d$event > 0]))))
  weighted <- survfit(Surv(d$time, state) ~ 1, weights = d$weight)
  out[["cif weighted estimate"]] <- as.vector(weighted$pstate[, -1])
  out[["cif weighted se"]] <- as.vector(weighted$std.err[, -1])
  out
}

# Fine and Gray (1999) as it is written, with weights and sets; G is the left limit.
fine_gray_by_definition <- function(time, event, X, w, set) {
  g_before <- function(t) {
    u <- sort(unique(time[event == 0 & time < t]))
    prod(vapply(u, function(v) 1 - sum(w[time == v & event == 0]) / sum(w[time >= v]), 0))
  }
  all_times <- sort(unique(time))
  g <- vapply(all_times, g_before, 0)
  g_own <- g[match(time, all_times)]
  failing <- which(event == 1)
  times <- sort(unique(time[failing]))
  at_risk <- sapply(times, function(t)
    w * ifelse(time >= t, 1, ifelse(event == 2, g[match(t, all_times)] / g_own, 0)))
  d <- sapply(times, function(t) sum(w[failing][time[failing] == t]))
  X <- sweep(X, 2, colMeans(X))
  likelihood <- function(beta) {
    risk <- at_risk * as.vector(exp(X %*% beta))  # (patient, time)
    s0 <- colSums(risk)
    list(risk = risk, s0 = s0, mean = t(t(X) %*% risk) / s0,  # (time, column)
         value = sum(w[failing] * (X[failing, , drop = FALSE] %*% beta)) - sum(d * log(s0)))
  }
  beta <- rep(0, ncol(X))
  l <- likelihood(beta)
  for (step in 1:50) {
    score <- colSums(w[failing] * X[failing, , drop = FALSE]) - colSums(d * l$mean)
    jump <- t(t(l$risk) * (d / l$s0))
    information <- t(X) %*% (rowSums(jump) * X) - t(l$mean) %*% (d * l$mean)
    move <- solve(information, score)
    if (sqrt(sum(move * score)) < 1e-10) break
    for (half in 0:20) {
      trial <- likelihood(beta + move / 2^half)
      if (is.finite(trial$value) && trial$value >= l$value - 1e-10) break
    }
    beta <- beta + move / 2^half
    l <- trial
  }
  residuals <- function(l) {
    jump <- t(t(l$risk) * (d / l$s0))
    eta <- jump %*% l$mean - rowSums(jump) * X
    eta[failing, ] <- eta[failing, ] + w[failing] * (X - l$mean[match(time, times), ])[failing, ]
    psi <- 0 * eta
    for (u in unique(time[event == 0])) {
      gone <- which(time < u & event == 2)
      later <- which(times >= u)
      if (!length(gone) || !length(later)) next
      part <- jump[gone, later, drop = FALSE]
      q <- colSums(rowSums(part) * X[gone, , drop = FALSE]) -
        colSums(colSums(part) * l$mean[later, , drop = FALSE])
      y <- sum(w[time >= u])
      own <- w * ((time == u & event == 0) / y -
                    (time >= u) * sum(w[time == u & event == 0]) / y^2)
      psi <- psi + outer(own, q)
    }
    eta + psi
  }
  at_end <- residuals(l)
  at_null <- residuals(likelihood(rep(0, ncol(X))))
  sandwich <- function(u) se(solve(information) %*% t(u) %*% u %*% solve(information))
  # colSums(u)' (u'u)^-1 colSums(u) without forming u'u, which is singular where sets are too few
  score_test <- function(u) {
    columns <- qr(u)
    if (columns$rank < ncol(u)) NA else sum(colSums(qr.Q(columns))^2)
  }
  list(coef = beta, se = sandwich(at_end), clustered = sandwich(rowsum(at_end, set)),
       score_test = score_test(at_null), clustered_score_test = score_test(rowsum(at_null, set)))
}

# Columns are centred for crr: it loses digits where they are far from zero, such as a year, and
# with interactions its sandwich is then wrong by factors. The model is the same.
fine_gray <- function(d) {
  columns <- d$fine_gray_columns
  X <- scale(d$X[, columns, drop = FALSE], scale = FALSE)
  one <- rep(1, nrow(X))
  # at month 0 cmprsk's censoring distribution is not a left limit; on time + 1 it is
  fit <- crr(d$time + 1, d$event, X, gtol = 1e-12, maxiter = 100)
  out <- list("fg coef" = unname(fit$coef), "fg se" = se(fit$var), "fg naive se" = se(fit$invinf),
              "fg loglik" = c(fit$loglik.null, fit$loglik), "fg baseline" = fit$bfitj)
  out[["fg coef at month 0"]] <-
    unname(crr(d$time, d$event, X, gtol = 1e-12, maxiter = 100, variance = FALSE)$coef)
  by_hand <- fine_gray_by_definition(d$time, d$event, X, one, d$matched_set)
  out[["fg clustered se"]] <- by_hand$clustered
  out[["fg score test"]] <- by_hand$score_test
  out[["fg clustered score test"]] <- by_hand$clustered_score_test
  by_hand <- fine_gray_by_definition(d$time, d$event, X, d$weight, d$matched_set)
  out[["fg weighted coef"]] <- by_hand$coef
  out[["fg weighted se"]] <- by_hand$se
  out[["fg weighted clustered se"]] <- by_hand$clustered
  out[["fg weighted clustered score test"]] <- by_hand$clustered_score_test
  out
}

# finegray() and coxph(): as crr, without what the estimated censoring distribution adds
expanded <- function(d) {
  m <- model_frame(d, d$fine_gray_columns)
  m$rows$state <- factor(d$event, 0:2)
  m$rows$id <- seq_along(d$time)
  m$rows$time <- m$rows$time + 1
  out <- list()
  for (kind in c("finegray", "finegray weighted")) {
    w <- m$rows$w
    long <- if (kind == "finegray") finegray(Surv(time, state) ~ ., m$rows, etype = "1") else
      finegray(Surv(time, state) ~ ., m$rows, etype = "1", weights = w)
    for (cluster in c("id", "set")) {
      fit <- coxph(as.formula(paste("Surv(fgstart, fgstop, fgstatus) ~", m$right)), long,
                   weights = fgwt, ties = "breslow", cluster = long[[cluster]], control = tight)
      out[[paste(kind, "coef")]] <- unname(coef(fit))
      out[[paste(kind, if (cluster == "id") "se" else "clustered se")]] <- se(vcov(fit))
    }
  }
  out
}

# crr with covariate x g(time), each term in turn and all together
proportionality <- function(d) {
  columns <- d$fine_gray_columns
  X <- scale(d$X[, columns, drop = FALSE], scale = FALSE)
  terms <- d$terms[columns]
  out <- list()
  for (transform in c("identity", "log")) {
    g <- if (transform == "identity") function(t) t - 1 else log
    for (term in c(unique(terms), "GLOBAL")) {
      tested <- which(terms == term | term == "GLOBAL")
      theta <- ncol(X) + seq_along(tested)
      fit <- tryCatch(
        crr(d$time + 1, d$event, X, X[, tested, drop = FALSE],
            function(t) matrix(g(t), length(t), length(tested)), gtol = 1e-12, maxiter = 100),
        error = function(e) list(coef = NA * c(1:ncol(X), theta),
                                 var = diag(NA * c(1:ncol(X), theta))))
      wald <- tryCatch(sum(fit$coef[theta] * solve(fit$var[theta, theta], fit$coef[theta])),
                       error = function(e) NA)
      name <- paste("interaction", transform)
      out[[name]] <- c(out[[name]], wald)
      out[[paste(name, "coef")]] <- unname(fit$coef)  # the joint model is last
      out[[paste(name, "se")]] <- se(fit$var)
      out[[paste(name, "loglik")]] <- if (is.null(fit$loglik)) NA else fit$loglik
    }
  }
  out
}

groups <- function(d) {
  arm <- d$group > 0
  rank_sum <- wilcox.test(d$X[!arm, 1], d$X[arm, 1], exact = FALSE)
  few <- seq_len(min(12, length(arm)))
  tables <- list(table(d$event, arm), table(d$event == 1, arm),
                 table(d$event[few] == 1, arm[few]))
  chi <- lapply(tables, function(t) if (min(dim(t)) < 2) list(statistic = NA, p.value = NA) else
    suppressWarnings(chisq.test(t, correct = FALSE)))
  list("wilcoxon" = unname(rank_sum$statistic), "wilcoxon p" = rank_sum$p.value,
       "chi-square" = sapply(chi, function(x) unname(x$statistic)),
       "chi-square p" = sapply(chi, function(x) x$p.value),
       "fisher p" = sapply(tables, function(t) if (min(dim(t)) < 2) NA else fisher.test(t)$p.value))
}

# The tables of the study: Cox (Efron) and Fine-Gray of all estimable columns, matched sets
models <- function(d) {
  out <- list()
  w <- if (d$weighted_models) d$weight else rep(1, length(d$time))
  if (length(d$cox_columns)) {
    m <- model_frame(d, d$cox_columns)
    m$rows$w <- w
    fit <- coxph(as.formula(paste("Surv(time, event > 0) ~", m$right)), m$rows, weights = m$rows$w,
                 cluster = m$rows$set, control = tight)
    out[["models cox clustered se"]] <- se(vcov(fit))
  }
  if (length(d$fine_gray_columns)) {
    X <- d$X[, d$fine_gray_columns, drop = FALSE]
    out[["models fine-gray clustered se"]] <-
      fine_gray_by_definition(d$time, d$event, X, w, d$matched_set)$clustered
  }
  out
}

compute <- function(d) {
  d$X <- matrix(d$X, nrow = length(d$time))
  steps <- list(kaplan_meier = kaplan_meier, log_rank = log_rank, incidence = incidence,
                groups = groups)
  if (ncol(d$X)) steps$full_cox <- full_cox
  if (length(d$cox_columns)) steps <- c(steps, cox = cox, score_test = cox_score_test)
  if (length(d$fine_gray_columns)) steps <- c(steps, fine_gray = fine_gray, expanded = expanded)
  if (d$with_interactions && length(d$fine_gray_columns)) steps$interaction <- proportionality
  if (d$with_models) steps$models <- models
  out <- list()
  errors <- list()
  for (name in names(steps)) {
    part <- tryCatch(steps[[name]](d), error = function(e) {
      errors[[name]] <<- conditionMessage(e)
      list()
    })
    out <- c(out, part)
  }
  list(results = out, errors = errors)
}
sets <- fromJSON(arguments[1], simplifyDataFrame = FALSE)
set.seed(1)
shuffled <- sample(length(sets))  # so that both processes have as much to do
cores <- if (.Platform$OS.type == "windows") 1 else 2
results <- list()
results[shuffled] <- parallel::mclapply(sets[shuffled], compute, mc.cores = cores)
versions <- list(R = R.version.string, survival = format(packageVersion("survival")),
                 cmprsk = format(packageVersion("cmprsk")))
write(toJSON(list(versions = lapply(versions, unbox), sets = results), digits = NA, na = "null"),
      arguments[2])
