// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package story

// scenes are what is told: one service on its way to production.
var scenes = []scene{
	{
		title: "The platform team declares three environments",
		text: `The same guardrails stand in all of them. What a violation leads to is not the same:
development observes, staging warns, production refuses.`,
		steps: []step{
			{kubectl: "apply -k config/guardrails", shows: []string{"guardrail.rampart.dev/resource-requests created"}},
			{kubectl: "wait --for=condition=Ready guardrails --all --timeout=60s", shows: []string{"owner-label condition met"}},
			{kubectl: "get guardrails", shows: []string{"owner-label", "resource-requests"}, lacks: []string{"False", "Unknown"}},
			{kubectl: "apply -k config/samples/platform", shows: []string{"environmentpolicy.rampart.dev/production created"}},
			{kubectl: "get environmentpolicies", shows: []string{"49 Observe", "4 Observe, 38 Warn", "4 Observe, 38 Enforce"}, lacks: []string{"False"}},
		},
	},
	{
		title: "Development: safe defaults, violations are signals",
		text:  `Dana has a first draft of a service. In development nothing stands in her way.`,
		steps: []step{
			{
				say:     "What a pod leaves out, it gets by default. A dry-run shows it:",
				as:      dana,
				kubectl: "-n shop-development run try --image=registry.example/shop:draft --dry-run=server -o 'jsonpath={.spec.containers[0].resources.requests}{\"\\n\"}'",
				shows:   []string{"cpu"},
			},
			{as: dana, kubectl: "apply -k config/samples/shop/draft/development", shows: []string{"deployment.apps/shop created"}, lacks: []string{"Warning"}},
			{
				say:     "What the manifest leaves out was filled in on the pod, not in her manifest:",
				as:      dana,
				kubectl: "-n shop-development get pods -o custom-columns=POD:.metadata.name,STATUS:.status.phase,REQUESTS:.spec.containers[0].resources.requests",
				shows:   []string{"Running", "cpu:"},
			},
			{
				say:     "What is still missing for production is told, not enforced:",
				as:      dana,
				kubectl: "-n shop-development get readinessreports -o 'jsonpath={range .items[0].status.guardrails[*].findings[*]}{.text}{\"\\n\"}{end}'",
				shows:   []string{"readiness probe", "replica"},
			},
		},
	},
	{
		title: "Staging warns, production refuses",
		text:  `The same draft meets the same guardrails one environment further.`,
		steps: []step{
			{as: dana, kubectl: "apply -k config/samples/shop/draft/staging", rehearsed: true, shows: []string{"Warning", "readiness-probe", "deployment.apps/shop created"}},
			{
				say: "In production all of its violations are named at once:",
				as:  dana, kubectl: "apply -k config/samples/shop/draft/production", fails: true,
				shows: []string{"findings:", "[readiness-probe]", "[image-pinned]", "[resource-requests]"},
			},
		},
	},
	{
		title: "The manifest is fixed, and released by the GitOps tool",
		text:  `Development and staging get it. No warning is left.`,
		steps: []step{
			{as: gitops, kubectl: "apply -k config/samples/shop/development", shows: []string{"deployment.apps/shop configured"}},
			{as: gitops, kubectl: "apply -k config/samples/shop/staging", shows: []string{"deployment.apps/shop configured"}, lacks: []string{"Warning"}},
		},
	},
	{
		title: "A gate stands before production",
		text: `It opens when the revision in staging has shown that it is predictable, recovers, and
fails safely: when enough trials succeeded, not when somebody approves.`,
		steps: []step{
			{kubectl: "apply -k config/samples/promotion", shows: []string{"promotiongate.rampart.dev/shop created"}},
			{kubectl: "-n shop-production get promotiongates", shows: []string{"shop-staging", "Enforce"}},
			{
				say: "Nobody can walk around it, and it says what is missing:",
				as:  gitops, kubectl: "apply -k config/samples/shop/production", fails: true, shows: []string{"is not proven for shop-production"},
			},
			{
				say: `Without help, the service would wait for a node to fail to prove that it survives one.
So the operator drills: it evicts single pods and watches what happens.`,
				kubectl: "-n shop-staging get events --field-selector reason=DrillBegun -o 'jsonpath={range .items[*]}{.message}{\"\\n\"}{end}'",
				shows:   []string{"evicting pod"},
			},
			{kubectl: "-n shop-production wait --for=condition=Promotable promotiongate/shop --timeout=60s", shows: []string{"condition met"}},
			{kubectl: "-n shop-staging get readinessreports", shows: []string{"Proven"}},
			{kubectl: "get promotiongates -A", shows: []string{"Open", "1/1"}},
			{say: "Now the same command passes:", as: gitops, kubectl: "apply -k config/samples/shop/production", shows: []string{"deployment.apps/shop created"}},
			{kubectl: "-n shop-production rollout status deployment/shop --timeout=60s", shows: []string{"successfully rolled out"}},
		},
	},
	{
		title: "Guardrails earn their levels the same way",
		text: `The guardrail owner-label was new to staging, so it only observed. The changes that came
complied, here and in development: it steps up by itself, and says why (the target of 50% is the
sample's, because a demonstration cannot wait).`,
		steps: []step{
			{
				kubectl: "get environmentpolicy staging -o 'jsonpath={range .status.history[?(@.guardrail==\"owner-label\")]}{.guardrail}: {.from} -> {.to}: {.why}{\"\\n\"}{end}'",
				shows:   []string{"owner-label: Observe -> Warn"},
			},
		},
	},
	{
		title: "Production: a change by hand is taken back",
		text:  `Dana may edit the namespace, but only the GitOps tool is trusted to change production.`,
		steps: []step{
			{
				say:     "What the tool released has been seen to run well, so that there is something to go back to:",
				kubectl: "-n shop-production wait --for=jsonpath='{.status.outcomes[0].result}'=Stable readinessreport/deployment-shop --timeout=60s",
				shows:   []string{"condition met"},
			},
			{as: dana, kubectl: "-n shop-production set env deployment/shop LOG_LEVEL=debug", shows: []string{"env updated"}},
			{
				kubectl: "-n shop-production get events --field-selector reason=DriftCorrected -o 'jsonpath={range .items[*]}{.message}{\"\\n\"}{end}'",
				shows:   []string{"dana changed", "LOG_LEVEL", "from info to debug"},
			},
			{
				kubectl: "-n shop-production get deployment shop -o 'jsonpath={.spec.template.spec.containers[0].env}{\"\\n\"}'",
				shows:   []string{`"value":"info"`},
			},
			{kubectl: "-n shop-production rollout status deployment/shop --timeout=60s", shows: []string{"successfully rolled out"}},
		},
	},
	{
		title: "Production: a failing release is rolled back",
		text:  `The image is proven, but its new configuration is not: the pods crash.`,
		steps: []step{
			{as: gitops, kubectl: "apply -k config/samples/shop/bad-configuration", shows: []string{"deployment.apps/shop configured"}},
			{
				kubectl: "-n shop-production get events --field-selector reason=RolledBack -o 'jsonpath={range .items[*]}{.message}{\"\\n\"}{end}'",
				shows:   []string{"2 crashed", "rolled back to revision"},
			},
			{kubectl: "-n shop-production rollout status deployment/shop --timeout=60s", shows: []string{"successfully rolled out"}},
			{kubectl: "-n shop-production get pods", shows: []string{"1/1"}, lacks: []string{"CrashLoopBackOff", "Terminating", "Error"}},
			{
				say: "A GitOps tool applies again what it has. What failed is kept out:",
				as:  gitops, kubectl: "apply -k config/samples/shop/bad-configuration", fails: true, shows: []string{"was rolled back at"},
			},
			{
				say: "The fix, with the same image, passes:",
				as:  gitops, kubectl: "apply -k config/samples/shop/good-configuration", shows: []string{"deployment.apps/shop configured"},
			},
			{kubectl: "-n shop-production rollout status deployment/shop --timeout=60s", shows: []string{"successfully rolled out"}},
		},
	},
	{
		title: "Where everything stands",
		text:  `No review, no sign-off, no checklist.`,
		steps: []step{
			{kubectl: "get environmentpolicies", shows: []string{"development", "staging", "production"}, lacks: []string{"False"}},
			{kubectl: "get promotiongates -A", shows: []string{"Open"}},
			{kubectl: "get readinessreports -A", shows: []string{"shop-production"}},
		},
	},
}
