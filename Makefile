# The commands of a contributor: `make` lists them. CONTRIBUTING.md explains them.
.PHONY: help format lint types test reports ci constraints try-newest-keras

help: ## list these commands
	@sed -n 's/^\([a-z-]*\): ## /\1: /p' Makefile

format: ## fix formatting, import order and what ruff can fix
	ruff check --fix .
	ruff format .

lint: ## check format and lint
	ruff format --check .
	ruff check .

types: ## check types
	mypy

test: ## run the tests
	pytest

reports: ## rebuild the committed reports from the committed runs
	python -m kcifar.report --runs reports/runs --sections comparison,recipes,cost,time_to_accuracy,reproduction --out reports/reference \
	    --title "Reference runs on two processor cores" --format page,csv,md,png
	python -m kcifar.report --runs reports/study_runs --sections epochs,ablation,learning_rates,reproduction --out reports/studies \
	    --title "Studies: epochs, preprocessing, learning rates" --format page,csv,md,png

ci: ## run everything that CI runs, in a fresh environment
	bash .ci/run

constraints: ## write the newest allowed versions to constraints.txt
	.ci/renew-constraints

try-newest-keras: ## run the tests of Keras internals against the newest Keras
	.ci/try-newest-keras
