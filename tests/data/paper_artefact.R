# The joint models behind the infinite hazard ratios of the paper's Tables 3 and 4, on matched.csv;
# writes paper_artefact.json. Run beside matched.csv: Rscript paper_artefact.R
# R 4.2.2 of Debian 12: r-base-core r-cran-survival r-cran-cmprsk r-cran-jsonlite.
suppressMessages({
  library(survival)
  library(cmprsk)
  library(jsonlite)
})
rows <- read.csv("matched.csv")
rows$subtype <- factor(rows$subtype)
rows$died <- as.integer(rows$status > 0)
trap <- rows$er == 0 & rows$pr == 1 # 3 patients, all alive
stopifnot(sum(trap) == 3, all(rows$died[trap] == 0))
version <- function(package) paste(package, packageVersion(package))
out <- list(origin = paste(R.version.string, version("survival"), version("cmprsk"), sep = ", "))

# Table 3: every term at once, at the stopping rule of coxph
formula <- Surv(time, died) ~ age + size + hist_other + grade3 + er + pr + her2 + subtype + t34 +
  n13 + group
fit <- suppressWarnings(coxph(formula, rows))
out$cox <- list(
  names = names(coef(fit)), coef = unname(coef(fit)), iterations = fit$iter,
  loglik = fit$loglik, se = unname(sqrt(diag(vcov(fit))))
)
# without those patients ER, HER2 and subtype are a single factor of four kinds of patients
kinds <- c("er", "subtype2", "subtype3", "subtype4")
rest <- rows[!trap, ]
limit <- coxph(update(formula, . ~ . - er - her2), rest)
clustered <- coxph(update(formula, . ~ . - er - her2 + cluster(pair)), rest)
out$cox_without <- list(
  names = names(coef(limit)), coef = unname(coef(limit)), se = unname(sqrt(diag(vcov(limit)))),
  se_clustered = unname(sqrt(diag(vcov(clustered))))
)

# Table 4: crr as its tolerance tightens. One month is added to all times, since cmprsk's censoring
# distribution is a left limit at month 0 only then; printed are times as they are.
terms <- ~ age + size + grade3 + er + pr + subtype + t34 + n13 + group
design <- function(data) model.matrix(terms, data)[, -1]
X <- design(rows)
path <- function(shift) {
  lapply(10^-(3:8), function(gtol) {
    fit <- crr(rows$time + shift, rows$status, X, gtol = gtol, maxiter = 50)
    list(
      gtol = gtol, converged = fit$converged, coef = unname(fit$coef),
      se = unname(suppressWarnings(sqrt(diag(fit$var))))
    )
  })
}
out$crr <- list(names = colnames(X), path = path(1), path_unshifted = path(0))
fit <- crr(rest$time + 1, rest$status, design(rest)[, colnames(X) != "er"], gtol = 1e-12,
  maxiter = 50)
out$crr_without <- list(
  names = setdiff(colnames(X), "er"), converged = fit$converged, coef = unname(fit$coef),
  se = unname(sqrt(diag(fit$var)))
)
write(toJSON(out, digits = I(15), auto_unbox = TRUE, na = "null", pretty = TRUE),
  "paper_artefact.json")
print(round(exp(sapply(out$crr$path_unshifted, function(f) f$coef[out$crr$names == "er"])), 1))
print(exp(out$cox$coef[out$cox$names == "er"]))
