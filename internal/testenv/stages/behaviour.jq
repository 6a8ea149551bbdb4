# How the Pod behaves: by its annotation, else by the tag of one of its images.
.metadata.annotations["behaviour.rampart.dev/mode"]
// ([.spec.containers[].image
   | match("[:-](crash-loop|out-of-memory|never-ready|slow|ignore-term|image-error|registry-outage|config-error)(@|$)").captures[0].string][0])
// "healthy"
